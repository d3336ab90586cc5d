#include "store/model/keys.h"

namespace packetboat::model {
namespace {

// Tables of a shard, the first octet behind its number.
constexpr char kAccounts = 'a';
constexpr char kBodiesTable = 'b';
constexpr char kChunks = 'c';
constexpr char kIdleBodies = 'g';
constexpr char kIdleChunks = 'h';
constexpr char kKeyExpiry = 'k';
constexpr char kPurges = 'p';
constexpr char kStages = 's';
constexpr char kTombstoneExpiry = 't';

constexpr char kDirectory = 'A';
constexpr char kDomains = 'D';
constexpr char kDirectoryAccounts = 'I';
constexpr char kAccountsByAddress = 'N';
constexpr char kAliases = 'L';
constexpr char kDirectoryChanges = 'V';
constexpr char kRemovals = 'R';

// In kv::kBodies.
constexpr char kOctets = 'o';
constexpr char kStructures = 's';

// Tables of an account, behind mailbox number 0.
constexpr char kAccountRecord = 'A';
constexpr char kMailboxRecords = 'B';
constexpr char kCounters = 'C';
constexpr char kDeliveryKeys = 'D';
constexpr char kNames = 'N';
constexpr char kSubscriptions = 'S';

// Tables of a mailbox, behind its number.
constexpr char kChanges = 'c';
constexpr char kFlags = 'f';
constexpr char kMessages = 'm';
constexpr char kStagedSources = 's';
constexpr char kTombstones = 't';

constexpr MailboxId kNoMailbox{0};

void AddU32(std::string& key, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(value >> shift));
}

void AddU64(std::string& key, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(value >> shift));
}

// Signed numbers sort right once the sign is inverted.
void AddTime(std::string& key, int64_t us) {
  AddU64(key, static_cast<uint64_t>(us) ^ (uint64_t{1} << 63));
}

std::string With(std::string key, uint32_t value) {
  AddU32(key, value);
  return key;
}

std::string With(std::string key, uint64_t value) {
  AddU64(key, value);
  return key;
}

std::string With(std::string key, absl::string_view text) {
  key.append(text.data(), text.size());
  return key;
}

// From behind `value` to the end of what begins with `prefix`.
kv::Range After(const std::string& prefix, uint64_t value) {
  kv::Range range = kv::Range::Prefix(prefix);
  range.lower = kv::PrefixEnd(With(prefix, value));
  if (range.lower.empty()) range.lower = range.upper;
  return range;
}

}  // namespace

Keys::Keys(ShardId shard) { AddU32(prefix_, shard.value()); }

std::string Keys::InShard(char table) const { return prefix_ + table; }

std::string Keys::InMailbox(AccountId account, MailboxId mailbox, char table) const {
  std::string key = With(With(InShard(kAccounts), account.value()), mailbox.value());
  key.push_back(table);
  return key;
}

std::string Keys::InAccount(AccountId account, char table) const {
  return InMailbox(account, kNoMailbox, table);
}

// Domain first, so that a domain's addresses stand together.
std::string Keys::ByDomain(char table, absl::string_view address_key) const {
  const absl::string_view domain = DomainOf(address_key).value_or("");
  std::string key = With(InShard(table), domain);
  key.push_back('\0');
  return With(std::move(key), address_key);
}

kv::Range Keys::AccountRange(AccountId account) const {
  return kv::Range::Prefix(With(InShard(kAccounts), account.value()));
}
std::string Keys::Account(AccountId account) const { return InAccount(account, kAccountRecord); }
std::string Keys::MailboxByName(AccountId account, absl::string_view name) const {
  return With(InAccount(account, kNames), name);
}
std::string Keys::Subscription(AccountId account, absl::string_view name) const {
  return With(InAccount(account, kSubscriptions), name);
}
std::string Keys::DeliveryKey(AccountId account, absl::string_view key) const {
  return With(InAccount(account, kDeliveryKeys), key);
}
std::string Keys::Mailbox(AccountId account, MailboxId mailbox) const {
  return With(InAccount(account, kMailboxRecords), mailbox.value());
}
std::string Keys::Counters(AccountId account, MailboxId mailbox) const {
  return With(InAccount(account, kCounters), mailbox.value());
}

kv::Range Keys::MailboxRange(AccountId account, MailboxId mailbox) const {
  return kv::Range::Prefix(With(With(InShard(kAccounts), account.value()), mailbox.value()));
}
std::string Keys::Flags(AccountId account, MailboxId mailbox, Uid uid) const {
  return With(InMailbox(account, mailbox, kFlags), uid.value());
}
std::string Keys::Message(AccountId account, MailboxId mailbox, Uid uid) const {
  return With(InMailbox(account, mailbox, kMessages), uid.value());
}
std::string Keys::Change(AccountId account, MailboxId mailbox, ModSeq modseq, Uid uid) const {
  return With(With(InMailbox(account, mailbox, kChanges), modseq.value()), uid.value());
}
std::string Keys::Tombstone(AccountId account, MailboxId mailbox, ModSeq modseq, Uid first) const {
  return With(With(InMailbox(account, mailbox, kTombstones), modseq.value()), first.value());
}
std::string Keys::StagedSource(AccountId account, MailboxId stage, Uid uid) const {
  return With(InMailbox(account, stage, kStagedSources), uid.value());
}

kv::Range Keys::AllMailboxes(AccountId account) const {
  return kv::Range::Prefix(InAccount(account, kMailboxRecords));
}
kv::Range Keys::AllNames(AccountId account) const {
  return kv::Range::Prefix(InAccount(account, kNames));
}
kv::Range Keys::NamesBelow(AccountId account, absl::string_view name) const {
  return kv::Range::Prefix(MailboxByName(account, name) + '/');
}
kv::Range Keys::AllSubscriptions(AccountId account) const {
  return kv::Range::Prefix(InAccount(account, kSubscriptions));
}
kv::Range Keys::AllDeliveryKeys(AccountId account) const {
  return kv::Range::Prefix(InAccount(account, kDeliveryKeys));
}
kv::Range Keys::FlagsFrom(AccountId account, MailboxId mailbox, Uid first) const {
  kv::Range range = kv::Range::Prefix(InMailbox(account, mailbox, kFlags));
  range.lower = Flags(account, mailbox, first);
  return range;
}
kv::Range Keys::AllMessages(AccountId account, MailboxId mailbox) const {
  return kv::Range::Prefix(InMailbox(account, mailbox, kMessages));
}
kv::Range Keys::ChangesAfter(AccountId account, MailboxId mailbox, ModSeq modseq) const {
  return After(InMailbox(account, mailbox, kChanges), modseq.value());
}
kv::Range Keys::TombstonesAfter(AccountId account, MailboxId mailbox, ModSeq modseq) const {
  return After(InMailbox(account, mailbox, kTombstones), modseq.value());
}
kv::Range Keys::AllStagedSources(AccountId account, MailboxId stage) const {
  return kv::Range::Prefix(InMailbox(account, stage, kStagedSources));
}

std::string Keys::Body(RaftIndex body) const { return With(InShard(kBodiesTable), body.value()); }
std::string Keys::Chunk(RaftIndex chunk) const { return With(InShard(kChunks), chunk.value()); }
std::string Keys::KeyExpiry(int64_t written_us, AccountId account, absl::string_view key) const {
  std::string at = InShard(kKeyExpiry);
  AddTime(at, written_us);
  return With(With(std::move(at), account.value()), key);
}
std::string Keys::TombstoneExpiry(int64_t expunged_us, AccountId account, MailboxId mailbox,
                                  ModSeq modseq, Uid first) const {
  std::string at = InShard(kTombstoneExpiry);
  AddTime(at, expunged_us);
  return With(With(With(With(std::move(at), account.value()), mailbox.value()), modseq.value()),
              first.value());
}
std::string Keys::IdleBody(int64_t since_us, RaftIndex body) const {
  std::string at = InShard(kIdleBodies);
  AddTime(at, since_us);
  return With(std::move(at), body.value());
}
std::string Keys::IdleChunk(int64_t since_us, RaftIndex chunk) const {
  std::string at = InShard(kIdleChunks);
  AddTime(at, since_us);
  return With(std::move(at), chunk.value());
}
std::string Keys::Purge(AccountId account, MailboxId mailbox) const {
  return With(With(InShard(kPurges), account.value()), mailbox.value());
}
std::string Keys::Stage(AccountId account, MailboxId stage) const {
  return With(With(InShard(kStages), account.value()), stage.value());
}
kv::Range Keys::AllBodies() const { return kv::Range::Prefix(InShard(kBodiesTable)); }
kv::Range Keys::AllChunks() const { return kv::Range::Prefix(InShard(kChunks)); }
kv::Range Keys::KeyExpiries() const { return kv::Range::Prefix(InShard(kKeyExpiry)); }
kv::Range Keys::TombstoneExpiries() const { return kv::Range::Prefix(InShard(kTombstoneExpiry)); }
kv::Range Keys::IdleBodies() const { return kv::Range::Prefix(InShard(kIdleBodies)); }
kv::Range Keys::IdleChunks() const { return kv::Range::Prefix(InShard(kIdleChunks)); }
kv::Range Keys::AllPurges() const { return kv::Range::Prefix(InShard(kPurges)); }
kv::Range Keys::AllStages() const { return kv::Range::Prefix(InShard(kStages)); }
kv::Range Keys::StagesOf(AccountId account) const {
  return kv::Range::Prefix(With(InShard(kStages), account.value()));
}
kv::Range Keys::AllAccounts() const { return kv::Range::Prefix(InShard(kAccounts)); }

std::string Keys::BodyOctets(RaftIndex piece) const {
  return With(InShard(kOctets), piece.value());
}
std::string Keys::Structure(RaftIndex body) const {
  return With(InShard(kStructures), body.value());
}

std::string Keys::Directory() const { return InShard(kDirectory); }
std::string Keys::Domain(absl::string_view domain) const { return With(InShard(kDomains), domain); }
std::string Keys::DirectoryAccount(AccountId account) const {
  return With(InShard(kDirectoryAccounts), account.value());
}
std::string Keys::AccountByAddress(absl::string_view address_key) const {
  return ByDomain(kAccountsByAddress, address_key);
}
std::string Keys::Alias(absl::string_view address_key) const {
  return ByDomain(kAliases, address_key);
}
std::string Keys::DirectoryChange(uint64_t version) const {
  return With(InShard(kDirectoryChanges), version);
}
std::string Keys::AccountRemoval(AccountId account) const {
  return With(InShard(kRemovals), account.value());
}
kv::Range Keys::AllDomains() const { return kv::Range::Prefix(InShard(kDomains)); }
kv::Range Keys::AllDirectoryAccounts() const {
  return kv::Range::Prefix(InShard(kDirectoryAccounts));
}
kv::Range Keys::AllAliases() const { return kv::Range::Prefix(InShard(kAliases)); }
kv::Range Keys::AccountsInDomain(absl::string_view domain) const {
  return kv::Range::Prefix(With(InShard(kAccountsByAddress), domain) + '\0');
}
kv::Range Keys::AliasesInDomain(absl::string_view domain) const {
  return kv::Range::Prefix(With(InShard(kAliases), domain) + '\0');
}
kv::Range Keys::DirectoryChangesAfter(uint64_t version) const {
  return After(InShard(kDirectoryChanges), version);
}
kv::Range Keys::AllAccountRemovals() const { return kv::Range::Prefix(InShard(kRemovals)); }

kv::Range Keys::All() const { return kv::Range::Prefix(prefix_); }

KeyReader::KeyReader(absl::string_view key, size_t skip)
    : rest_(key.size() >= skip ? key.substr(skip) : absl::string_view()), ok_(key.size() >= skip) {}

uint64_t KeyReader::U64() {
  const uint64_t high = U32();
  return high << 32 | U32();
}

uint32_t KeyReader::U32() {
  if (!ok_ || rest_.size() < sizeof(uint32_t)) {
    ok_ = false;
    return 0;
  }
  uint32_t value = 0;
  for (size_t i = 0; i < sizeof(value); ++i) {
    value = value << 8 | static_cast<unsigned char>(rest_[i]);
  }
  rest_.remove_prefix(sizeof(value));
  return value;
}

int64_t KeyReader::Time() { return static_cast<int64_t>(U64() ^ (uint64_t{1} << 63)); }

absl::string_view KeyReader::Rest() {
  const absl::string_view rest = rest_;
  rest_ = absl::string_view();
  return rest;
}

std::optional<absl::string_view> DomainOf(absl::string_view address_key) {
  const size_t at = address_key.rfind('@');
  if (at == absl::string_view::npos) return std::nullopt;
  return address_key.substr(at + 1);
}

}  // namespace packetboat::model
