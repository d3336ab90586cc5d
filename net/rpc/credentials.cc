#include "net/rpc/credentials.h"

#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace packetboat::rpc {
namespace {

using grpc::experimental::ExternalCertificateVerifier;
using grpc::experimental::TlsCustomVerificationCheckRequest;

// How often the files are looked at for a change.
constexpr unsigned kReloadIntervalSeconds = 5;

constexpr char kUriProperty[] = "peer_uri";

absl::string_view View(grpc::string_ref text) {
  return absl::string_view(text.data(), text.size());
}

// After the chain has been verified against the CA: is the peer of this cluster, and of the role
// that is expected?
class IdentityVerifier : public ExternalCertificateVerifier {
 public:
  IdentityVerifier(std::string cluster, std::optional<Role> role)
      : cluster_(std::move(cluster)), role_(role) {}

  bool Verify(TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* status) override {
    *status = Judge(request->uri_names());
    return true;
  }

  void Cancel(TlsCustomVerificationCheckRequest*) override {}

 private:
  grpc::Status Judge(const std::vector<grpc::string_ref>& uris) const {
    if (uris.size() != 1) return Refuse("the certificate must hold exactly one URI name");
    const std::optional<Identity> identity = ParseIdentity(View(uris[0]));
    if (!identity.has_value()) return Refuse("the certificate's URI names no role");
    if (identity->cluster != cluster_) return Refuse("the certificate is of another cluster");
    if (role_.has_value() && identity->role != *role_) {
      return Refuse(
          absl::StrCat("the peer is ", RoleName(identity->role), ", not ", RoleName(*role_)));
    }
    return grpc::Status::OK;
  }

  static grpc::Status Refuse(const std::string& why) {
    return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, why);
  }

  const std::string cluster_;
  const std::optional<Role> role_;
};

// Holds every call against the table before its handler runs.
class AccessProcessor : public grpc::AuthMetadataProcessor {
 public:
  // The look-up is short, and on a thread of gRPC's pool it would cost more than here.
  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context, OutputMetadata*,
                       OutputMetadata*) override {
    const auto path = metadata.find(":path");
    const std::vector<grpc::string_ref> uris = context->FindPropertyValues(kUriProperty);
    if (path == metadata.end() || uris.size() != 1) return Deny("unknown");
    const std::optional<Identity> identity = ParseIdentity(View(uris[0]));
    if (!identity.has_value()) return Deny("unknown");
    if (!MayCall(identity->role, View(path->second))) return Deny(RoleName(identity->role));
    return grpc::Status::OK;
  }

 private:
  static grpc::Status Deny(absl::string_view role) {
    return grpc::Status(grpc::StatusCode::PERMISSION_DENIED,
                        absl::StrCat("role ", role, " may not call this method"));
  }
};

std::shared_ptr<grpc::experimental::CertificateProviderInterface> Provider(const TlsFiles& files) {
  return std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      files.key, files.certificate, files.ca, kReloadIntervalSeconds);
}

void Configure(const std::string& cluster, std::optional<Role> peer,
               grpc::experimental::TlsCredentialsOptions& options) {
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_certificate_verifier(
      ExternalCertificateVerifier::Create<IdentityVerifier>(cluster, peer));
  options.set_check_call_host(false);
}

Identity IdentityOf(const grpc::AuthContext& context) {
  const std::vector<grpc::string_ref> values = context.FindPropertyValues(kUriProperty);
  CHECK(values.size() == 1);
  const std::optional<Identity> identity = ParseIdentity(View(values[0]));
  CHECK(identity.has_value());
  return *identity;
}

}  // namespace

std::shared_ptr<grpc::ServerCredentials> ServerCredentials(const TlsFiles& files,
                                                           const std::string& cluster) {
  grpc::experimental::TlsServerCredentialsOptions options(Provider(files));
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  Configure(cluster, std::nullopt, options);
  std::shared_ptr<grpc::ServerCredentials> credentials =
      grpc::experimental::TlsServerCredentials(options);
  credentials->SetAuthMetadataProcessor(std::make_shared<AccessProcessor>());
  return credentials;
}

std::shared_ptr<grpc::ChannelCredentials> ChannelCredentials(const TlsFiles& files,
                                                             const std::string& cluster,
                                                             Role server_role) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(Provider(files));
  Configure(cluster, server_role, options);
  return grpc::experimental::TlsCredentials(options);
}

Identity CallerOf(const grpc::ServerContextBase& context) {
  return IdentityOf(*context.auth_context());
}

Identity PeerOf(const grpc::ClientContext& context) { return IdentityOf(*context.auth_context()); }

}  // namespace packetboat::rpc
