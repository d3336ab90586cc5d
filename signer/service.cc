#include "signer/service.h"

#include <grpcpp/server_context.h>

#include "proto/signer/signer.grpc.pb.h"
#include "signer/keys/signing_key.h"

namespace packetboat::signer {
namespace {

rpc::signer::Key::Algorithm ToProto(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kRsaSha256:
      return rpc::signer::Key::RSA_SHA256;
    case Algorithm::kEd25519Sha256:
      return rpc::signer::Key::ED25519_SHA256;
  }
  return rpc::signer::Key::ALGORITHM_UNSPECIFIED;
}

class Service : public rpc::signer::Signer::CallbackService {
 public:
  explicit Service(const KeyFolder& keys) : keys_(keys) {}

  grpc::ServerUnaryReactor* ListKeys(grpc::CallbackServerContext* context,
                                     const rpc::signer::ListKeysRequest* request,
                                     rpc::signer::ListKeysReply* reply) override {
    for (const KeyFolder::Key& key : keys_.List(request->domain())) {
      rpc::signer::Key& out = *reply->add_keys();
      out.set_domain(key.domain);
      out.set_selector(key.selector);
      out.set_algorithm(ToProto(key.key.algorithm()));
      out.set_bits(static_cast<uint32_t>(key.key.bits()));
      out.set_public_key_base64(key.key.public_key_base64());
    }
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const KeyFolder& keys_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeService(const KeyFolder& keys) {
  return std::make_unique<Service>(keys);
}

}  // namespace packetboat::signer
