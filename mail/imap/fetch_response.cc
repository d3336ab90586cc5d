#include "mail/imap/fetch_response.h"

#include <algorithm>
#include <limits>

#include "mail/imap/format.h"
#include "mail/imap/message_reader.h"
#include "mail/message/transfer_encoding.h"

namespace packetboat::imap {
namespace {

// A body's octets, decoded, as far as they lie in a window of them.
class DecodedBody {
 public:
  DecodedBody(Context& context, Uid uid, const message::Part& part, message::Range window)
      : context_(context),
        uid_(uid),
        body_(part.body()),
        window_(window),
        decoder_(message::TransferEncodingFromName(part.encoding)) {}

  // The next octets of the window; none while at_end() is false says nothing.
  Task<absl::StatusOr<std::string>> Next();

  bool at_end() const { return finished_; }
  // Octets before and in the window so far, and behind it.
  uint64_t size() const { return size_; }

 private:
  Context& context_;
  const Uid uid_;
  const message::Range body_;
  const message::Range window_;
  message::TransferDecoder decoder_;
  uint64_t read_ = 0;
  uint64_t size_ = 0;
  bool finished_ = false;
};

Task<absl::StatusOr<std::string>> DecodedBody::Next() {
  std::string decoded;
  if (read_ < body_.size) {
    const uint64_t size = std::min<uint64_t>(kMaxReadBytes, body_.size - read_);
    const auto octets = co_await ReadOctets(context_, uid_, {body_.offset + read_, size});
    if (!octets.ok()) co_return octets.status();
    read_ += size;
    decoder_.Feed(*octets, &decoded);
  }
  if (read_ == body_.size) {
    decoder_.Finish(&decoded);
    finished_ = true;
  }
  const uint64_t begin = std::clamp(window_.offset, size_, size_ + decoded.size()) - size_;
  const uint64_t end = std::clamp(window_.end(), size_, size_ + decoded.size()) - size_;
  size_ += decoded.size();
  co_return decoded.substr(begin, end - begin);
}

message::Range WindowOf(const std::optional<Partial>& partial) {
  constexpr uint64_t kAll = std::numeric_limits<int64_t>::max();
  if (!partial.has_value()) return {0, kAll};
  return {partial->offset, std::min(partial->length, kAll)};
}

// What a first walk over a body tells.
struct Measured {
  uint64_t octets = 0;  // in the window
  bool has_nul = false;
  std::string kept;  // all of the window, if that is not too much
};

Task<absl::StatusOr<Measured>> Measure(DecodedBody& body) {
  Measured measured;
  while (!body.at_end()) {
    const auto octets = co_await body.Next();
    if (!octets.ok()) co_return octets.status();
    measured.octets += octets->size();
    measured.has_nul |= octets->find('\0') != std::string::npos;
    if (measured.octets <= kMaxReadBytes) measured.kept += *octets;
  }
  co_return measured;
}

}  // namespace

void FetchResponse::Flush() {
  context_.Send(text_);
  begun_ = begun_ || !text_.empty();
  text_.clear();
}

Task<> FetchResponse::FlushAndWait() {
  Flush();
  if (!context_.HasRoom()) co_await context_.WaitForRoom();
}

message::Range Clip(message::Range whole, const std::optional<Partial>& partial) {
  if (!partial.has_value()) return whole;
  const uint64_t skipped = std::min(partial->offset, whole.size);
  return {whole.offset + skipped, std::min(partial->length, whole.size - skipped)};
}

Task<absl::Status> AppendOctets(Context& context, Uid uid, message::Range range,
                                FetchResponse* response) {
  uint64_t done = 0;
  do {
    if (done > 0) co_await response->FlushAndWait();
    const uint64_t size = std::min<uint64_t>(kMaxReadBytes, range.size - done);
    const auto octets = co_await ReadOctets(context, uid, {range.offset + done, size});
    if (!octets.ok()) co_return octets.status();
    if (done == 0) AppendLiteralHeader(range.size, /*binary=*/false, &response->text());
    response->text() += *octets;
    done += size;
  } while (done < range.size);
  co_return absl::OkStatus();
}

Task<absl::Status> AppendDecoded(Context& context, Uid uid, const message::Part& part,
                                 const std::optional<Partial>& partial, FetchResponse* response) {
  DecodedBody first(context, uid, part, WindowOf(partial));
  const auto measured = co_await Measure(first);
  if (!measured.ok()) co_return measured.status();
  AppendLiteralHeader(measured->octets, measured->has_nul, &response->text());
  if (measured->octets <= kMaxReadBytes) {
    response->text() += measured->kept;
    co_return absl::OkStatus();
  }
  DecodedBody again(context, uid, part, WindowOf(partial));
  while (!again.at_end()) {
    const auto octets = co_await again.Next();
    if (!octets.ok()) co_return octets.status();
    response->text() += *octets;
    co_await response->FlushAndWait();
  }
  co_return absl::OkStatus();
}

Task<absl::StatusOr<uint64_t>> DecodedSize(Context& context, Uid uid, const message::Part& part) {
  const auto encoding = message::TransferEncodingFromName(part.encoding);
  if (encoding == message::TransferEncoding::kIdentity) co_return part.body_bytes;
  DecodedBody body(context, uid, part, {0, 0});
  while (!body.at_end()) {
    const auto octets = co_await body.Next();
    if (!octets.ok()) co_return octets.status();
  }
  co_return body.size();
}

}  // namespace packetboat::imap
