#include "mx/clients/watch_stream.h"

#include <utility>

#include "net/rpc/channel.h"

namespace packetboat::mx {

std::shared_ptr<WatchStream> WatchStream::Start(rpc::delivery::Delivery::Stub& stub,
                                                Events events) {
  auto stream = std::shared_ptr<WatchStream>(new WatchStream(std::move(events)));
  stream->self_ = stream;
  stub.async()->WatchShards(&stream->context_, &stream->request_, stream.get());
  stream->StartRead(&stream->news_);
  stream->StartCall();
  return stream;
}

void WatchStream::OnReadDone(bool ok) {
  if (!ok) return;
  events_.on_news(std::move(news_));
  news_.Clear();
  StartRead(&news_);
}

void WatchStream::OnDone(const grpc::Status& status) {
  const std::shared_ptr<WatchStream> self = std::move(self_);
  absl::Status why = rpc::FromGrpc(status);
  if (why.ok()) why = absl::UnavailableError("the store ended the watch");
  events_.on_end(std::move(why));
}

}  // namespace packetboat::mx
