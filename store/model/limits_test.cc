#include "store/model/limits.h"

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/store/record.pb.h"
#include "store/model/keys.h"
#include "store/model/testing/shard.h"

// Each limit at n and at n + 1.

namespace packetboat::model::testing {
namespace {

using entry::Result;
using One = entry::DeliverResult::One;

constexpr uint64_t kAlice = 7;

entry::Entry Entry() {
  entry::Entry entry;
  entry.set_version(kEntryVersion);
  return entry;
}

class Limits : public ::testing::Test {
 protected:
  Limits() { shard_.Apply(CreateAccount(kAlice)); }

  // Applies `make(n)` and `make(n + 1)`.
  void ExpectLimit(size_t n, const std::function<entry::Entry(size_t)>& make,
                   Result::Outcome beyond = Result::MALFORMED) {
    EXPECT_EQ(shard_.Apply(make(n)).outcome(), Result::OK) << n;
    EXPECT_EQ(shard_.Apply(make(n + 1)).outcome(), beyond) << n + 1;
  }

  MailboxId Inbox() { return Open(shard_, kAlice, "INBOX").info().id; }

  void Fill(size_t messages) {
    for (size_t i = 0; i < messages; ++i) {
      shard_.Apply(Append(kAlice, "INBOX", absl::StrCat("message ", i)));
    }
  }

  Shard shard_;
};

// ---- Entries

TEST_F(Limits, ChunkBytes) {
  ExpectLimit(kMaxChunkBytes, [](size_t n) { return Chunk(std::string(n, 'x')); });
  EXPECT_EQ(shard_.Apply(Chunk("")).outcome(), Result::MALFORMED);
}

TEST_F(Limits, EntryBytes) {
  const auto make = [](size_t bytes) {
    entry::Entry entry = Deliver({kAlice}, Whole(std::string(kMaxChunkBytes, 'x')));
    std::string& prefix = *entry.mutable_deliver()->mutable_recipients(0)->mutable_prefix();
    prefix.clear();
    prefix.append(bytes - entry.ByteSizeLong() - 8, 'p');
    while (entry.ByteSizeLong() < bytes) prefix.push_back('p');
    EXPECT_EQ(entry.ByteSizeLong(), bytes);
    return entry;
  };
  ExpectLimit(kMaxEntryBytes, make);
  EXPECT_TRUE(CheckEntry(make(kMaxEntryBytes).SerializeAsString()).ok());
  EXPECT_FALSE(CheckEntry(make(kMaxEntryBytes + 1).SerializeAsString()).ok());
}

TEST_F(Limits, AFullChunkFitsAnEntry) {
  EXPECT_LE(Chunk(std::string(kMaxChunkBytes, 'x')).ByteSizeLong(), kMaxEntryBytes);
}

TEST_F(Limits, MessagesPerEntry) {
  Fill(kMaxMessagesPerEntry + 1);
  const MailboxId inbox = Inbox();
  const auto upto = [](size_t n) { return Range{1, static_cast<uint32_t>(n)}; };
  ExpectLimit(kMaxMessagesPerEntry,
              [&](size_t n) { return AddFlags(kAlice, inbox, {upto(n)}, kSeen); });
  ExpectLimit(kMaxMessagesPerEntry,
              [&](size_t n) { return Copy(kAlice, inbox, {upto(n)}, "Trash"); });
  ExpectLimit(kMaxMessagesPerEntry, [&](size_t n) {
    entry::Entry entry = Entry();
    entry.mutable_stage_copy()->set_account(kAlice);
    entry.mutable_stage_copy()->set_source(inbox.value());
    entry.mutable_stage_copy()->set_destination("Trash");
    entry.mutable_stage_copy()->add_uids()->set_first(1);
    entry.mutable_stage_copy()->mutable_uids(0)->set_last(static_cast<uint32_t>(n));
    return entry;
  });
  EXPECT_EQ(shard_.Apply(Expunge(kAlice, inbox, {upto(kMaxMessagesPerEntry + 1)})).outcome(),
            Result::MALFORMED);
  EXPECT_EQ(shard_.Apply(Expunge(kAlice, inbox, {upto(kMaxMessagesPerEntry)})).outcome(),
            Result::OK);
}

TEST_F(Limits, RecipientsPerEntry) {
  ExpectLimit(kMaxRecipientsPerEntry, [](size_t n) {
    entry::Entry entry = Deliver({}, Whole(absl::StrCat("to ", n)));
    for (size_t i = 0; i < n; ++i) {
      entry::Recipient& recipient = *entry.mutable_deliver()->add_recipients();
      recipient.set_account(kAlice);
      recipient.set_delivery_key(Hash(absl::StrCat(n, "/", i)));
    }
    return entry;
  });
  EXPECT_EQ(shard_.Apply(Deliver({}, Whole("to nobody"))).outcome(), Result::MALFORMED);
}

TEST_F(Limits, KeysPerEntry) {
  ExpectLimit(kMaxKeysPerEntry, [](size_t n) {
    entry::Entry entry = Entry();
    entry.mutable_forget_keys();
    for (size_t i = 0; i < n; ++i) entry.mutable_forget_keys()->add_keys()->set_account(kAlice);
    return entry;
  });
}

TEST_F(Limits, UidRangesPerEntry) {
  const MailboxId inbox = Inbox();
  ExpectLimit(kMaxUidRangesPerEntry, [&](size_t n) {
    std::vector<Range> ranges;
    for (uint32_t i = 0; i < n; ++i) ranges.push_back(Range{2 * i + 1, 2 * i + 1});
    return AddFlags(kAlice, inbox, ranges, kSeen);
  });
}

TEST_F(Limits, UidRangesAscendAndDoNotOverlap) {
  const MailboxId inbox = Inbox();
  const std::vector<std::vector<Range>> bad = {
      {}, {{0, 1}}, {{2, 1}}, {{1, 2}, {2, 3}}, {{3, 3}, {1, 1}}};
  for (const std::vector<Range>& ranges : bad) {
    EXPECT_EQ(shard_.Apply(AddFlags(kAlice, inbox, ranges, kSeen)).outcome(), Result::MALFORMED);
  }
  const uint32_t last = std::numeric_limits<uint32_t>::max();
  EXPECT_EQ(shard_.Apply(AddFlags(kAlice, inbox, {{1, last}}, kSeen)).outcome(), Result::OK);
}

TEST_F(Limits, SweptPerEntry) {
  ExpectLimit(kMaxSweptPerEntry, [](size_t n) {
    entry::Entry entry = Entry();
    entry.mutable_expire_keys()->set_max(static_cast<uint32_t>(n));
    return entry;
  });
  ExpectLimit(kMaxSweptPerEntry, [](size_t n) {
    entry::Entry entry = Entry();
    entry.mutable_expire_tombstones()->set_max(static_cast<uint32_t>(n));
    return entry;
  });
  ExpectLimit(kMaxSweptPerEntry, [](size_t n) {
    entry::Entry entry = Entry();
    entry.mutable_collect_bodies()->set_max(static_cast<uint32_t>(n));
    return entry;
  });
  ExpectLimit(kMaxMessagesPerEntry, [](size_t n) {
    entry::Entry entry = Entry();
    entry.mutable_purge()->set_max_messages(static_cast<uint32_t>(n));
    return entry;
  });
  ExpectLimit(kMaxMessagesPerEntry, [](size_t n) {
    entry::Entry entry = Entry();
    entry.mutable_unfold()->set_max_messages(static_cast<uint32_t>(n));
    return entry;
  });
}

// ---- Messages

TEST_F(Limits, ChunksPerBody) {
  std::vector<RaftIndex> chunks;
  for (size_t i = 0; i <= kMaxChunksPerBody; ++i) {
    shard_.Apply(Chunk("x"));
    chunks.push_back(shard_.last_index());
  }
  EXPECT_EQ(shard_.Apply(Deliver({kAlice}, Chunks(chunks, chunks.size()))).outcome(),
            Result::MALFORMED);
  chunks.pop_back();
  EXPECT_EQ(shard_.Apply(Deliver({kAlice}, Chunks(chunks, chunks.size()))).outcome(), Result::OK);
  EXPECT_EQ(shard_.Apply(Deliver({kAlice}, Chunks({}, 0))).outcome(), Result::MALFORMED);
}

TEST_F(Limits, PrefixBytes) {
  ExpectLimit(kMaxPrefixBytes, [](size_t n) {
    entry::Entry entry = Deliver({kAlice}, Whole(absl::StrCat(n)));
    entry.mutable_deliver()->mutable_recipients(0)->set_prefix(std::string(n, 'p'));
    return entry;
  });
  ExpectLimit(kMaxPrefixBytes, [](size_t n) {
    entry::Entry entry = Append(kAlice, "INBOX", "x");
    entry.mutable_append()->set_prefix(std::string(n, 'p'));
    return entry;
  });
}

TEST_F(Limits, StructureBytes) {
  ExpectLimit(kMaxStructureBytes, [](size_t n) {
    return Deliver({kAlice}, Whole(absl::StrCat(n), std::string(n, 's')));
  });
}

TEST_F(Limits, HashAndKeyBytes) {
  for (const size_t bytes : {size_t{0}, kHashBytes - 1, kHashBytes + 1}) {
    entry::BodySource body = Whole("x");
    body.set_sha256(std::string(bytes, 'h'));
    EXPECT_EQ(shard_.Apply(Deliver({kAlice}, body)).outcome(), Result::MALFORMED);
    entry::Entry entry = Deliver({kAlice}, Whole("x"));
    entry.mutable_deliver()->mutable_recipients(0)->set_delivery_key(std::string(bytes, 'k'));
    EXPECT_EQ(shard_.Apply(entry).outcome(), Result::MALFORMED);
  }
}

TEST_F(Limits, KeywordBytes) {
  Fill(1);
  const MailboxId inbox = Inbox();
  ExpectLimit(kMaxKeywordBytes, [&](size_t n) {
    return AddFlags(kAlice, inbox, {{1, 1}}, 0, {std::string(n, 'k')});
  });
  for (const char* bad : {"", "\\Seen", "a b", "a(b", "a\x7f", "caf\xc3\xa9"}) {
    EXPECT_EQ(shard_.Apply(AddFlags(kAlice, inbox, {{1, 1}}, 0, {bad})).outcome(),
              Result::MALFORMED)
        << bad;
  }
  EXPECT_EQ(shard_.Apply(AddFlags(kAlice, inbox, {{1, 1}}, kAllSystemFlags + 1)).outcome(),
            Result::MALFORMED);
}

TEST_F(Limits, KeywordsPerMailbox) {
  Fill(1);
  const MailboxId inbox = Inbox();
  for (size_t i = 1; i < kMaxKeywordsPerMailbox; ++i) {
    shard_.Apply(AddFlags(kAlice, inbox, {{1, 1}}, 0, {absl::StrCat("k", i)}));
  }
  ExpectLimit(
      kMaxKeywordsPerMailbox,
      [&](size_t n) {
        return AddFlags(kAlice, inbox, {{1, 1}}, 0, {absl::StrCat("k", n)});
      },
      Result::LIMIT);
  // Those that are there can still be set, in any case.
  EXPECT_EQ(shard_.Apply(AddFlags(kAlice, inbox, {{1, 1}}, 0, {"K1"})).outcome(), Result::OK);
  // A copy that would need one more is refused as a whole.
  shard_.Apply(Append(kAlice, "Trash", "x"));
  const MailboxId trash = Open(shard_, kAlice, "Trash").info().id;
  shard_.Apply(AddFlags(kAlice, trash, {{1, 1}}, 0, {"another"}));
  EXPECT_EQ(shard_.Apply(Copy(kAlice, trash, {{1, 1}}, "INBOX")).outcome(), Result::LIMIT);
  EXPECT_EQ(Open(shard_, kAlice, "INBOX").status().messages, 1u);
}

TEST_F(Limits, QuotaOctets) {
  Fill(1);
  const uint64_t octets = Must(shard_.reader().FindAccount(AccountId(kAlice)))->octets;
  entry::Entry append = Append(kAlice, "INBOX", "12345");
  append.mutable_append()->set_quota_octets(octets + 4);
  EXPECT_EQ(shard_.Apply(append).outcome(), Result::OVER_QUOTA);
  append.mutable_append()->set_quota_octets(octets + 5);
  EXPECT_EQ(shard_.Apply(append).outcome(), Result::OK);
  entry::Entry copy = Copy(kAlice, Inbox(), {{2, 2}}, "Trash");
  copy.mutable_copy()->set_quota_octets(octets + 9);
  EXPECT_EQ(shard_.Apply(copy).outcome(), Result::OVER_QUOTA);
  copy.mutable_copy()->set_quota_octets(octets + 10);
  EXPECT_EQ(shard_.Apply(copy).outcome(), Result::OK);
  copy.mutable_copy()->set_move(true);
  copy.mutable_copy()->set_quota_octets(1);
  EXPECT_EQ(shard_.Apply(copy).outcome(), Result::OK);
  // SMTP was told at RCPT; what was let in is delivered.
  EXPECT_EQ(shard_.Apply(Deliver({kAlice}, Whole("x"))).deliver().recipients(0).outcome(),
            One::DELIVERED);
}

TEST_F(Limits, Uids) {
  record::MailboxCounters counters;
  counters.set_highest_modseq(1);
  counters.set_uid_next(std::numeric_limits<uint32_t>::max() - 1);
  shard_.Put(Keys(ShardId(0)).Counters(AccountId(kAlice), Inbox()), counters);
  const Result last = shard_.Apply(Append(kAlice, "INBOX", "the last"));
  EXPECT_EQ(last.append().uid(), std::numeric_limits<uint32_t>::max() - 1);
  EXPECT_EQ(shard_.Apply(Append(kAlice, "INBOX", "one more")).outcome(), Result::LIMIT);
  EXPECT_EQ(shard_.Apply(Copy(kAlice, Inbox(), {{1, last.append().uid()}}, "INBOX")).outcome(),
            Result::LIMIT);
  EXPECT_EQ(shard_.Apply(Deliver({kAlice}, Whole("x"))).deliver().recipients(0).outcome(),
            One::NO_UIDS);
}

TEST_F(Limits, UidValidities) {
  record::Account account;
  account.set_last_mailbox_id(100);
  account.set_mailboxes(6);
  account.set_last_uid_validity(std::numeric_limits<uint32_t>::max() - 1);
  shard_.Put(Keys(ShardId(0)).Account(AccountId(kAlice)), account);
  EXPECT_EQ(shard_.Apply(CreateMailbox(kAlice, "last")).mailbox().uid_validity(),
            std::numeric_limits<uint32_t>::max());
  EXPECT_EQ(shard_.Apply(CreateMailbox(kAlice, "more")).outcome(), Result::LIMIT);
  EXPECT_EQ(shard_.Apply(RenameMailbox(kAlice, "INBOX", "old")).outcome(), Result::LIMIT);
  EXPECT_EQ(shard_.Apply(RenameMailbox(kAlice, "last", "old")).outcome(), Result::OK);
}

// ---- Names

TEST_F(Limits, MailboxNameBytes) {
  ExpectLimit(
      kMaxMailboxNameBytes, [](size_t n) { return CreateMailbox(kAlice, std::string(n, 'n')); },
      Result::NOT_ALLOWED);
}

TEST_F(Limits, MailboxDepth) {
  ExpectLimit(
      kMaxMailboxDepth,
      [](size_t n) {
        std::string name = "d";
        for (size_t i = 1; i < n; ++i) name += "/d";
        return CreateMailbox(kAlice, name);
      },
      Result::NOT_ALLOWED);
  // Nor by renaming something that has children.
  EXPECT_EQ(shard_.Apply(RenameMailbox(kAlice, "d", "e/d")).outcome(), Result::NOT_ALLOWED);
}

TEST_F(Limits, MailboxesPerAccount) {
  for (uint64_t i = 6; i + 2 < kMaxMailboxesPerAccount; ++i) {
    shard_.Apply(CreateMailbox(kAlice, absl::StrCat("m", i)));
  }
  EXPECT_EQ(shard_.Apply(CreateMailbox(kAlice, "x/y/z")).outcome(), Result::LIMIT);
  EXPECT_EQ(shard_.Apply(CreateMailbox(kAlice, "x/y")).outcome(), Result::OK);
  EXPECT_EQ(shard_.Apply(CreateMailbox(kAlice, "one")).outcome(), Result::LIMIT);
  EXPECT_EQ(shard_.Apply(RenameMailbox(kAlice, "INBOX", "old")).outcome(), Result::LIMIT);
  EXPECT_EQ(shard_.Apply(RenameMailbox(kAlice, "m6", "a/b")).outcome(), Result::LIMIT);
  EXPECT_EQ(shard_.Apply(RenameMailbox(kAlice, "m6", "other")).outcome(), Result::OK);
}

TEST_F(Limits, SubscriptionsPerAccount) {
  const auto subscribe = [](size_t n) {
    entry::Entry entry = Entry();
    entry.mutable_subscribe()->set_account(kAlice);
    entry.mutable_subscribe()->set_name(absl::StrCat("s", n));
    entry.mutable_subscribe()->set_subscribed(true);
    return entry;
  };
  for (uint64_t i = 7; i < kMaxSubscriptionsPerAccount; ++i) shard_.Apply(subscribe(i));
  ExpectLimit(kMaxSubscriptionsPerAccount, subscribe, Result::LIMIT);
}

// ---- Directory

TEST_F(Limits, DomainBytes) {
  ExpectLimit(kMaxDomainBytes, [](size_t n) {
    entry::Entry entry = Entry();
    entry.mutable_add_domain()->set_domain(std::string(n, 'd'));
    return entry;
  });
}

entry::Entry AddAccount(const std::string& key) {
  entry::Entry entry = Entry();
  entry.mutable_add_account()->mutable_address()->set_text(key);
  entry.mutable_add_account()->mutable_address()->set_key(key);
  entry.mutable_add_account()->set_source(record::DirectoryAccount::DIRECTORY);
  entry.mutable_add_account()->set_shards(1);
  return entry;
}

class DirectoryLimits : public Limits {
 protected:
  DirectoryLimits() {
    entry::Entry entry = Entry();
    entry.mutable_add_domain()->set_domain("d.test");
    shard_.Apply(entry);
  }
};

TEST_F(DirectoryLimits, AddressBytes) {
  ExpectLimit(kMaxAddressBytes,
              [](size_t n) { return AddAccount(std::string(n - 7, 'l') + "@d.test"); });
  for (const char* bad : {"", "d.test", "@d.test", "a@", "a\x01@d.test"}) {
    EXPECT_EQ(shard_.Apply(AddAccount(bad)).outcome(), Result::MALFORMED) << bad;
  }
}

TEST_F(DirectoryLimits, AliasTargets) {
  ExpectLimit(kMaxAliasTargets, [](size_t n) {
    entry::Entry entry = Entry();
    entry.mutable_put_alias()->mutable_address()->set_text("a@d.test");
    entry.mutable_put_alias()->mutable_address()->set_key("a@d.test");
    for (size_t i = 0; i < n; ++i) {
      record::Address& target = *entry.mutable_put_alias()->add_targets();
      target.set_text("t@elsewhere.test");
      target.set_key("t@elsewhere.test");
    }
    return entry;
  });
}

TEST_F(DirectoryLimits, PasswordHashes) {
  shard_.Apply(AddAccount("alice@d.test"));
  const auto set = [](size_t count, size_t bytes) {
    entry::Entry entry = Entry();
    entry.mutable_set_password()->set_key("alice@d.test");
    for (size_t i = 0; i < count; ++i) {
      entry.mutable_set_password()->add_password_hashes(std::string(bytes, 'h'));
    }
    return entry;
  };
  ExpectLimit(kMaxPasswordHashes, [&](size_t n) { return set(n, 10); });
  ExpectLimit(kMaxPasswordHashBytes, [&](size_t n) { return set(1, n); });
}

TEST_F(DirectoryLimits, Shards) {
  const auto add = [](size_t n) {
    entry::Entry entry = AddAccount(absl::StrCat("a", n, "@d.test"));
    entry.mutable_add_account()->set_shards(static_cast<uint32_t>(n));
    return entry;
  };
  ExpectLimit(kMaxShards, add);
  EXPECT_EQ(shard_.Apply(add(0)).outcome(), Result::MALFORMED);
}

TEST_F(DirectoryLimits, EnsuredAccountsPerEntry) {
  ExpectLimit(kMaxEnsuredAccountsPerEntry, [](size_t n) {
    entry::Entry entry = Entry();
    for (size_t i = 0; i < n; ++i) {
      record::Address& address = *entry.mutable_ensure_accounts()->add_addresses();
      address.set_text(absl::StrCat(i, "@d.test"));
      address.set_key(absl::StrCat(i, "@d.test"));
    }
    entry.mutable_ensure_accounts()->set_shards(4);
    return entry;
  });
}

}  // namespace
}  // namespace packetboat::model::testing
