#include "cli/up/renewal.h"

#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/log.h"

namespace packetboat::cli {
namespace {

constexpr absl::Duration kInterval = absl::Hours(12);

class Renewal : public role::Service {
 public:
  Renewal(const role::Environment& environment, std::shared_ptr<const OwnCertificates> certificates)
      : clock_(*environment.clock),
        certificates_(std::move(certificates)),
        health_(environment.health->Add("cluster.certificates",
                                        HealthRegistry::Weight::kInformation,
                                        [this] {
                                          absl::MutexLock lock(&mutex_);
                                          return status_;
                                        })),
        thread_([this] { Run(); }) {}

  ~Renewal() override {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    thread_.join();
  }

  std::vector<role::Listening> listening() const override { return {}; }
  void Drain(absl::Duration) override {}

 private:
  void Run() {
    for (;;) {
      {
        absl::MutexLock lock(&mutex_);
        if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kInterval)) return;
      }
      const absl::Status status = certificates_->Ensure(clock_.Now());
      if (!status.ok()) log::Error("certificates not renewed", {{"status", status}});
      absl::MutexLock lock(&mutex_);
      status_ = status;
    }
  }

  Clock& clock_;
  const std::shared_ptr<const OwnCertificates> certificates_;
  absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  const HealthRegistry::Registration health_;
  std::thread thread_;
};

}  // namespace

role::StartFunction RenewCertificates(std::shared_ptr<const OwnCertificates> certificates) {
  return
      [certificates](
          const role::Environment& environment) -> absl::StatusOr<std::unique_ptr<role::Service>> {
        return std::make_unique<Renewal>(environment, certificates);
      };
}

}  // namespace packetboat::cli
