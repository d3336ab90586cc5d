#include "store/raft/codec.h"

#include <memory>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "store/kv/bytes.h"
#include "store/raft/crc32c.h"

namespace packetboat::raft {
namespace {

using kv::AppendBytes;
using kv::AppendInteger;
using kv::ByteReader;

constexpr uint8_t kRecordVersion = 1;
constexpr uint8_t kFrameVersion = 2;
constexpr uint8_t kConfigurationVersion = 1;
constexpr size_t kEntryOverheadBytes = 8 + 1 + 8 + 4;
constexpr size_t kMessageOverheadBytes = 64;

void Append(std::string& out, RaftIndex index) { AppendInteger(out, index.value()); }
void Append(std::string& out, Term term) { AppendInteger(out, term.value()); }
void Append(std::string& out, NodeId id) { AppendInteger(out, id.value()); }
void Append(std::string& out, bool flag) { AppendInteger<uint8_t>(out, flag ? 1 : 0); }
void Append(std::string& out, absl::Time time) { AppendInteger(out, absl::ToUnixMicros(time)); }

// Reads numbers that must be at most kMaxNumber; one that is not makes the whole wrong.
class Reader : public ByteReader {
 public:
  using ByteReader::ByteReader;

  RaftIndex Index() { return RaftIndex(Number()); }
  Term ReadTerm() { return Term(Number()); }
  NodeId Node() { return NodeId(Integer<uint64_t>()); }
  absl::Time Time() { return absl::FromUnixMicros(Integer<int64_t>()); }
  bool Flag() {
    const uint8_t flag = Integer<uint8_t>();
    if (flag > 1) bad_ = true;
    return flag == 1;
  }
  uint64_t Number() {
    const uint64_t number = Integer<uint64_t>();
    if (number > kMaxNumber) bad_ = true;
    return number;
  }

  bool Good() const { return !failed() && !bad_; }
  bool GoodAndDone() const { return done() && !bad_; }
  void MarkBad() { bad_ = true; }

 private:
  bool bad_ = false;
};

void AppendEntry(std::string& out, const Entry& entry) {
  Append(out, entry.term);
  AppendInteger(out, static_cast<uint8_t>(entry.type));
  Append(out, entry.log_time);
  AppendBytes(out, entry.payload);
}

Entry ReadEntry(Reader& in) {
  Entry entry;
  entry.term = in.ReadTerm();
  const uint8_t type = in.Integer<uint8_t>();
  if (type < 1 || type > 3) in.MarkBad();
  entry.type = static_cast<EntryType>(type);
  entry.log_time = in.Time();
  entry.payload = std::string(in.Bytes());
  return entry;
}

// --- Message bodies, one pair of functions each; the tag is the position in MessageBody. ---

void Encode(std::string& out, const AppendEntries& m) {
  Append(out, m.term);
  Append(out, m.prev_index);
  Append(out, m.prev_term);
  Append(out, m.commit);
  Append(out, m.matched_by_all);
  AppendInteger<uint32_t>(out, static_cast<uint32_t>(m.entries.size()));
  for (const EntryPtr& entry : m.entries) AppendEntry(out, *entry);
}

void Decode(Reader& in, AppendEntries& m) {
  m.term = in.ReadTerm();
  m.prev_index = in.Index();
  m.prev_term = in.ReadTerm();
  m.commit = in.Index();
  m.matched_by_all = in.Index();
  const uint32_t count = in.Integer<uint32_t>();
  if (count > kMaxEntriesPerAppend) return in.MarkBad();
  for (uint32_t i = 0; i < count && in.Good(); ++i) {
    m.entries.push_back(std::make_shared<const Entry>(ReadEntry(in)));
  }
}

void Encode(std::string& out, const AppendEntriesResult& m) {
  Append(out, m.term);
  Append(out, m.rejected);
  Append(out, m.last_index);
}

void Decode(Reader& in, AppendEntriesResult& m) {
  m.term = in.ReadTerm();
  m.rejected = in.Index();
  m.last_index = in.Index();
}

void Encode(std::string& out, const RequestVote& m) {
  Append(out, m.term);
  Append(out, m.last_index);
  Append(out, m.last_term);
  Append(out, m.disrupt_leader);
  Append(out, m.pre_vote);
}

void Decode(Reader& in, RequestVote& m) {
  m.term = in.ReadTerm();
  m.last_index = in.Index();
  m.last_term = in.ReadTerm();
  m.disrupt_leader = in.Flag();
  m.pre_vote = in.Flag();
}

void Encode(std::string& out, const RequestVoteResult& m) {
  Append(out, m.term);
  Append(out, m.granted);
  Append(out, m.pre_vote);
}

void Decode(Reader& in, RequestVoteResult& m) {
  m.term = in.ReadTerm();
  m.granted = in.Flag();
  m.pre_vote = in.Flag();
}

void Encode(std::string& out, const TimeoutNow& m) {
  Append(out, m.term);
  Append(out, m.last_index);
  Append(out, m.last_term);
}

void Decode(Reader& in, TimeoutNow& m) {
  m.term = in.ReadTerm();
  m.last_index = in.Index();
  m.last_term = in.ReadTerm();
}

void Encode(std::string& out, const ReadRound& m) {
  Append(out, m.term);
  AppendInteger(out, m.round);
}

void Decode(Reader& in, ReadRound& m) {
  m.term = in.ReadTerm();
  m.round = in.Number();
}

void Encode(std::string& out, const ReadRoundResult& m) {
  Append(out, m.term);
  AppendInteger(out, m.round);
}

void Decode(Reader& in, ReadRoundResult& m) {
  m.term = in.ReadTerm();
  m.round = in.Number();
}

void Encode(std::string& out, const ReadIndexRequest& m) { AppendInteger(out, m.request); }

void Decode(Reader& in, ReadIndexRequest& m) { m.request = in.Number(); }

void Encode(std::string& out, const ReadIndexResult& m) {
  AppendInteger(out, m.request);
  Append(out, m.index.has_value());
  if (m.index.has_value()) Append(out, *m.index);
}

void Decode(Reader& in, ReadIndexResult& m) {
  m.request = in.Number();
  if (in.Flag()) m.index = in.Index();
}

template <size_t I = 0>
void DecodeBody(Reader& in, size_t tag, MessageBody& body) {
  if constexpr (I < std::variant_size_v<MessageBody>) {
    if (tag != I) return DecodeBody<I + 1>(in, tag, body);
    Decode(in, body.emplace<I>());
  } else {
    in.MarkBad();
  }
}

void AppendConfiguration(std::string& out, const Configuration& configuration) {
  AppendInteger<uint32_t>(out, static_cast<uint32_t>(configuration.servers.size()));
  for (const Server& server : configuration.servers) {
    Append(out, server.id);
    AppendInteger(out, static_cast<uint8_t>(server.role));
  }
}

Configuration ReadConfiguration(Reader& in) {
  Configuration configuration;
  const uint32_t count = in.Integer<uint32_t>();
  if (count > kMaxServers) in.MarkBad();
  for (uint32_t i = 0; i < count && in.Good(); ++i) {
    Server server;
    server.id = in.Node();
    const uint8_t role = in.Integer<uint8_t>();
    if (role > 2) in.MarkBad();
    server.role = static_cast<ServerRole>(role);
    configuration.servers.push_back(server);
  }
  if (in.Good() && !configuration.Valid()) in.MarkBad();
  return configuration;
}

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("damaged ", what, " in the log database"));
}

std::string ShardKey(char kind, ShardId shard) {
  std::string key(1, kind);
  AppendInteger(key, shard.value());
  return key;
}

}  // namespace

std::string EncodeConfiguration(const Configuration& configuration) {
  std::string out;
  AppendInteger(out, kConfigurationVersion);
  AppendConfiguration(out, configuration);
  return out;
}

absl::StatusOr<Configuration> DecodeConfiguration(absl::string_view bytes) {
  Reader in(bytes);
  if (in.Integer<uint8_t>() != kConfigurationVersion) in.MarkBad();
  Configuration configuration = ReadConfiguration(in);
  if (!in.GoodAndDone()) return absl::InvalidArgumentError("not a configuration");
  return configuration;
}

size_t EncodedBytes(const Entry& entry) { return kEntryOverheadBytes + entry.payload.size(); }

size_t EncodedBytes(const Message& message) {
  size_t bytes = kMessageOverheadBytes;
  if (const auto* append = std::get_if<AppendEntries>(&message.body)) {
    for (const EntryPtr& entry : append->entries) bytes += EncodedBytes(*entry);
  }
  return bytes;
}

std::string EncodeFrame(const Frame& frame) {
  std::string out;
  AppendInteger(out, kFrameVersion);
  AppendInteger(out, frame.incarnation);
  AppendInteger(out, frame.sequence);
  Append(out, frame.sent_at);
  AppendInteger(out, static_cast<uint8_t>(frame.space));
  AppendInteger(out, frame.free_bytes);
  AppendInteger<uint32_t>(out, static_cast<uint32_t>(frame.messages.size()));
  for (const Message& message : frame.messages) {
    AppendInteger(out, message.shard.value());
    AppendInteger(out, static_cast<uint8_t>(message.body.index()));
    std::visit([&out](const auto& body) { Encode(out, body); }, message.body);
  }
  return out;
}

absl::StatusOr<Frame> DecodeFrame(absl::string_view bytes) {
  Reader in(bytes);
  Frame frame;
  if (in.Integer<uint8_t>() != kFrameVersion) in.MarkBad();
  frame.incarnation = in.Number();
  frame.sequence = in.Number();
  frame.sent_at = in.Time();
  const uint8_t space = in.Integer<uint8_t>();
  if (space > static_cast<uint8_t>(SpaceLevel::kNone)) in.MarkBad();
  frame.space = static_cast<SpaceLevel>(space);
  frame.free_bytes = in.Integer<uint64_t>();
  const uint32_t count = in.Integer<uint32_t>();
  if (count > kMaxMessagesPerFrame) in.MarkBad();
  for (uint32_t i = 0; i < count && in.Good(); ++i) {
    Message& message = frame.messages.emplace_back();
    message.shard = ShardId(in.Integer<uint32_t>());
    DecodeBody(in, in.Integer<uint8_t>(), message.body);
  }
  if (!in.GoodAndDone()) return absl::InvalidArgumentError("malformed Raft frame");
  return frame;
}

std::string EntryKey(ShardId shard, RaftIndex index) {
  std::string key;
  AppendInteger(key, shard.value());
  Append(key, index);
  return key;
}

std::string HardStateKey(ShardId shard) { return ShardKey('h', shard); }
std::string LogStartKey(ShardId shard) { return ShardKey('s', shard); }

std::string SealRecord(absl::string_view key, absl::string_view content) {
  std::string out;
  out.reserve(content.size() + 5);
  AppendInteger(out, kRecordVersion);
  out.append(content.data(), content.size());
  AppendInteger(out, ExtendCrc32c(ExtendCrc32c(0, key), out));
  return out;
}

absl::StatusOr<std::string> OpenRecord(absl::string_view key, absl::string_view bytes) {
  if (bytes.size() < 5) return Damaged("record");
  const absl::string_view sealed = bytes.substr(0, bytes.size() - 4);
  ByteReader crc(bytes.substr(bytes.size() - 4));
  if (crc.Integer<uint32_t>() != ExtendCrc32c(ExtendCrc32c(0, key), sealed)) {
    return Damaged("record");
  }
  if (static_cast<uint8_t>(sealed[0]) != kRecordVersion) {
    return absl::DataLossError("a record of the log database has an unknown version");
  }
  return std::string(sealed.substr(1));
}

std::string EncodeEntryRecord(absl::string_view key, const Entry& entry) {
  std::string content;
  content.reserve(EncodedBytes(entry));
  AppendEntry(content, entry);
  return SealRecord(key, content);
}

absl::StatusOr<Entry> DecodeEntryRecord(absl::string_view key, absl::string_view bytes) {
  ASSIGN_OR_RETURN(const std::string content, OpenRecord(key, bytes));
  Reader in(content);
  Entry entry = ReadEntry(in);
  if (!in.GoodAndDone()) return Damaged("entry");
  return entry;
}

std::string EncodeHardStateRecord(absl::string_view key, const HardState& state) {
  std::string content;
  Append(content, state.term);
  Append(content, state.vote);
  return SealRecord(key, content);
}

absl::StatusOr<HardState> DecodeHardStateRecord(absl::string_view key, absl::string_view bytes) {
  ASSIGN_OR_RETURN(const std::string content, OpenRecord(key, bytes));
  Reader in(content);
  HardState state;
  state.term = in.ReadTerm();
  state.vote = in.Node();
  if (!in.GoodAndDone()) return Damaged("term");
  return state;
}

std::string EncodeLogStartRecord(absl::string_view key, const LogStart& start) {
  std::string content;
  Append(content, start.index);
  Append(content, start.term);
  Append(content, start.log_time);
  Append(content, start.configuration_index);
  AppendConfiguration(content, start.configuration);
  return SealRecord(key, content);
}

absl::StatusOr<LogStart> DecodeLogStartRecord(absl::string_view key, absl::string_view bytes) {
  ASSIGN_OR_RETURN(const std::string content, OpenRecord(key, bytes));
  Reader in(content);
  LogStart start;
  start.index = in.Index();
  start.term = in.ReadTerm();
  start.log_time = in.Time();
  start.configuration_index = in.Index();
  start.configuration = ReadConfiguration(in);
  if (!in.GoodAndDone()) return Damaged("start of a log");
  return start;
}

}  // namespace packetboat::raft
