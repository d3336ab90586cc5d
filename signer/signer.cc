#include "signer/signer.h"

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/status.h"
#include "net/rpc/server.h"
#include "net/rpc/tls_files.h"
#include "proto/config.pb.h"
#include "role/config_files.h"
#include "signer/keys/key_folder.h"
#include "signer/service.h"

namespace packetboat::signer {
namespace {

class Signer : public role::Service {
 public:
  static absl::StatusOr<std::unique_ptr<Signer>> Start(const role::Environment& environment) {
    auto signer = std::unique_ptr<Signer>(new Signer(environment));
    RETURN_IF_ERROR(signer->Listen());
    signer->AddHealth();
    signer->watch_ = std::thread([it = signer.get()] { it->Watch(); });
    return signer;
  }

  ~Signer() override {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    if (watch_.joinable()) watch_.join();
    server_.reset();
  }

  std::vector<role::Listening> listening() const override {
    const std::string& address = config_.signer().address();
    return {{.role = "signer",
             .protocol = "grpc",
             .host = address.substr(0, address.rfind(':')),
             .port = server_->port(),
             .tls = "implicit"}};
  }

  void Drain(absl::Duration timeout) override { server_->Stop(timeout); }

 private:
  explicit Signer(const role::Environment& environment)
      : environment_(environment),
        config_(*environment.config),
        keys_(environment.config->signer().keys()) {
    keys_.Reload();
  }

  absl::Status Listen() {
    const rpc::TlsFiles tls = role::ClusterTlsFiles(config_);
    RETURN_IF_ERROR(rpc::CheckTlsFiles(tls, environment_.clock->Now()));
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(MakeService(keys_));
    ASSIGN_OR_RETURN(server_, rpc::Server::Start({.address = config_.signer().address(),
                                                  .tls = tls,
                                                  .cluster = config_.cluster().name()},
                                                 std::move(services)));
    server_->SetServing(keys_.folder_status().ok());
    return absl::OkStatus();
  }

  void AddHealth() {
    using Weight = HealthRegistry::Weight;
    HealthRegistry& health = *environment_.health;
    health_.push_back(
        health.Add("signer.folder", Weight::kReadiness, [this] { return keys_.folder_status(); }));
    health_.push_back(
        health.Add("signer.keys", Weight::kInformation, [this] { return keys_.keys_status(); }));
    Gauge& loaded =
        environment_.metrics->gauge("packetboat_signer_keys", "Private keys that are loaded.");
    loaded.Set(static_cast<double>(keys_.List().size()));
    loaded_ = &loaded;
  }

  void Watch() {
    const absl::Duration interval =
        absl::Milliseconds(static_cast<int64_t>(config_.signer().reload_interval()));
    for (;;) {
      {
        absl::MutexLock lock(&mutex_);
        if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), interval)) return;
      }
      keys_.Reload();
      server_->SetServing(keys_.folder_status().ok());
      loaded_->Set(static_cast<double>(keys_.List().size()));
    }
  }

  const role::Environment environment_;
  const config::Config& config_;
  KeyFolder keys_;
  std::unique_ptr<rpc::Server> server_;
  std::vector<HealthRegistry::Registration> health_;
  Gauge* loaded_ = nullptr;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread watch_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<role::Service>> Start(const role::Environment& environment) {
  return Signer::Start(environment);
}

}  // namespace packetboat::signer
