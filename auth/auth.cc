#include "auth/auth.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "auth/directory/directory.h"
#include "auth/directory/follower.h"
#include "auth/login/authenticator.h"
#include "auth/login/guess_limiter.h"
#include "auth/login/login_cache.h"
#include "auth/service.h"
#include "auth/users/user_files.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "net/api/address.h"
#include "net/rpc/server.h"
#include "proto/config.pb.h"
#include "role/config_files.h"

namespace packetboat::auth {
namespace {

absl::Duration Milliseconds(uint64_t value) {
  return absl::Milliseconds(static_cast<int64_t>(value));
}

absl::StatusOr<std::vector<UserFiles::Source>> Sources(const config::Auth& config) {
  std::vector<UserFiles::Source> sources;
  for (const config::UserFile& file : config.user_files()) {
    UserFiles::Source source;
    source.path = file.file();
    source.options.format =
        file.format() == config::TABLE ? UserFileFormat::kTable : UserFileFormat::kPasswd;
    ASSIGN_OR_RETURN(source.options.default_scheme, ParseScheme(file.default_scheme()));
    source.options.default_domain = file.default_domain();
    sources.push_back(std::move(source));
  }
  return sources;
}

absl::StatusOr<Directory::Options> DirectoryOptions(const config::Config& config) {
  Directory::Options options;
  for (const std::string& domain : config.mail().domains()) {
    const std::optional<std::string> key = KeyOfAddress(absl::StrCat("@", domain));
    if (!key.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("mail.domains: '", domain, "' is no domain"));
    }
    options.domains.push_back(key->substr(1));
  }
  options.subaddress_separators = config.auth().subaddress_separators();
  options.alias_depth = config.auth().alias_depth();
  options.alias_targets = config.auth().alias_targets();
  options.postmaster = config.mail().postmaster();
  return options;
}

class Auth : public role::Service {
 public:
  static absl::StatusOr<std::unique_ptr<Auth>> Start(const role::Environment& environment) {
    const config::Config& config = *environment.config;
    const rpc::TlsFiles tls = role::ClusterTlsFiles(config);
    RETURN_IF_ERROR(rpc::CheckTlsFiles(tls, environment.clock->Now()));
    if (config.cluster().stores().empty()) {
      return absl::InvalidArgumentError("cluster.stores must name at least one store");
    }
    ASSIGN_OR_RETURN(Directory::Options directory_options, DirectoryOptions(config));
    ASSIGN_OR_RETURN(std::vector<UserFiles::Source> sources, Sources(config.auth()));
    auto auth = std::unique_ptr<Auth>(
        new Auth(environment, tls, std::move(directory_options), std::move(sources)));
    RETURN_IF_ERROR(auth->Listen(tls));
    return auth;
  }

  ~Auth() override {
    std::unique_ptr<rpc::Server> server;
    {
      absl::MutexLock lock(&serving_mutex_);
      server = std::move(server_);
    }
    // Its handlers use what the members are.
    server.reset();
  }

  std::vector<role::Listening> listening() const override {
    const std::string& address = config_.auth().address();
    return {{.role = "auth",
             .protocol = "grpc",
             .host = address.substr(0, address.rfind(':')),
             .port = server_->port(),
             .tls = "implicit"}};
  }

  void Drain(absl::Duration timeout) override { server_->Stop(timeout); }

 private:
  Auth(const role::Environment& environment, const rpc::TlsFiles& tls,
       Directory::Options directory_options, std::vector<UserFiles::Source> sources)
      : environment_(environment),
        config_(*environment.config),
        directory_(std::move(directory_options)),
        follower_({.stores = {config_.cluster().stores().begin(), config_.cluster().stores().end()},
                   .tls = tls,
                   .cluster = config_.cluster().name(),
                   .call_timeout = Milliseconds(config_.cluster().call_timeout()),
                   .attempt_timeout = Milliseconds(config_.cluster().attempt_timeout()),
                   .on_copy = [this] { CopyCame(); }},
                  directory_),
        user_files_(std::move(sources), Milliseconds(config_.auth().reload_interval()),
                    [this](const std::set<std::string>& keys) {
                      directory_.SetFileUsers(keys);
                      follower_.SetWantedAccounts({keys.begin(), keys.end()});
                    }),
        limiter_({.free = static_cast<int>(config_.auth().failures_free()),
                  .delay = Milliseconds(config_.auth().failure_delay()),
                  .delay_max = Milliseconds(config_.auth().failure_delay_max()),
                  .entries = config_.auth().failure_entries()},
                 *environment.clock),
        cache_(Milliseconds(config_.auth().cache_ttl()), config_.auth().cache_entries(),
               *environment.clock, *environment.random),
        authenticator_({&directory_, &user_files_, &limiter_, &cache_, &pool_},
                       config_.auth().default_domain(), *environment.random),
        pool_(config_.auth().hash_threads(), config_.auth().hash_queue()) {}

  // Without a copy of the directory every call is refused: who asks shall ask another one.
  void CopyCame() {
    absl::MutexLock lock(&serving_mutex_);
    copy_came_ = true;
    if (server_ != nullptr) server_->SetServing(true);
  }

  absl::Status Listen(const rpc::TlsFiles& tls) {
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(MakeService(directory_, follower_, authenticator_));
    ASSIGN_OR_RETURN(
        std::unique_ptr<rpc::Server> server,
        rpc::Server::Start(
            {.address = config_.auth().address(), .tls = tls, .cluster = config_.cluster().name()},
            std::move(services)));
    {
      absl::MutexLock lock(&serving_mutex_);
      server_ = std::move(server);
      server_->SetServing(copy_came_);
    }
    using Weight = HealthRegistry::Weight;
    HealthRegistry& health = *environment_.health;
    health_.push_back(health.Add("directory", Weight::kReadiness, [this] {
      return follower_.HasCopy() ? absl::OkStatus() : follower_.StreamStatus();
    }));
    health_.push_back(health.Add("directory.stream", Weight::kInformation,
                                 [this] { return follower_.StreamStatus(); }));
    health_.push_back(
        health.Add("user_files", Weight::kInformation, [this] { return user_files_.status(); }));
    return absl::OkStatus();
  }

  const role::Environment environment_;
  const config::Config& config_;
  // Held while its pointer changes, and while the follower's thread uses it.
  absl::Mutex serving_mutex_;
  std::unique_ptr<rpc::Server> server_;
  bool copy_came_ ABSL_GUARDED_BY(serving_mutex_) = false;
  Directory directory_;
  DirectoryFollower follower_;
  UserFiles user_files_;
  GuessLimiter limiter_;
  LoginCache cache_;
  Authenticator authenticator_;
  ThreadPool pool_;  // ends first: its tasks use what stands above
  std::vector<HealthRegistry::Registration> health_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<role::Service>> Start(const role::Environment& environment) {
  return Auth::Start(environment);
}

}  // namespace packetboat::auth
