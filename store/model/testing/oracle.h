#ifndef PACKETBOAT_STORE_MODEL_TESTING_ORACLE_H_
#define PACKETBOAT_STORE_MODEL_TESTING_ORACLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "proto/store/entry.pb.h"
#include "store/model/testing/shard.h"

namespace packetboat::model::testing {

// What the mailbox commands mean, said a second time in the plainest way: maps in memory,
// everything counted when asked, no housekeeping. Makes random commands, foretells their results,
// and compares everything that can be read. Knows nothing about bodies but their octets.
// Thread-compatible.
class Oracle {
 public:
  explicit Oracle(uint64_t seed) : random_(seed) {}

  // A command that may or may not be allowed.
  entry::Entry Next();
  // What its result has to be, given the index and log time that it is applied at. Nothing where
  // the oracle has no say: housekeeping.
  std::optional<entry::Result> Foretell(const entry::Entry& entry, RaftIndex index, int64_t now_us);

  // Reads everything; test failures say what differs. Everything has to be in the database.
  void Compare(const Shard& shard);

 private:
  struct Message {
    std::string text;
    int64_t internal_date_us = 0;
    uint32_t system = 0;
    std::set<std::string> keywords;
    uint64_t modseq = 0;
  };

  struct Expunged {
    uint32_t uid;
    uint64_t modseq;
    int64_t at_us;
  };

  struct Mailbox {
    uint64_t id = 0;
    uint32_t uid_validity = 0;
    bool placeholder = false;
    record::SpecialUse use = record::SPECIAL_USE_UNSPECIFIED;
    uint32_t uid_next = 1;
    uint64_t highest_modseq = 1;
    uint32_t recent_mark = 1;
    std::map<uint32_t, Message> messages;
    std::vector<Expunged> expunged;
    uint64_t moving_stage = 0;
  };

  struct Key {
    int64_t written_us = 0;
    uint64_t mailbox = 0;
    uint32_t uid = 0;
    uint32_t uid_validity = 0;
  };

  struct Stage {
    uint64_t source = 0;
    uint64_t destination = 0;
    bool move = false;
    int64_t touched_us = 0;
    std::vector<uint32_t> uids;
    std::vector<Message> messages;
  };

  struct Account {
    bool deleted = false;
    uint64_t last_mailbox_id = 0;
    uint32_t last_uid_validity = 0;
    std::map<std::string, Mailbox> mailboxes;
    std::set<std::string> subscriptions;
    std::map<std::string, Key> keys;
    std::map<uint64_t, Stage> stages;

    Mailbox* ById(uint64_t id);
    // Not a placeholder.
    Mailbox* Selectable(const std::string& name);
    Mailbox* Selectable(uint64_t id);
    std::string NameOf(uint64_t id) const;
    bool HasChildren(const std::string& name) const;
    uint64_t octets() const;
  };

  // ---- Making commands
  uint64_t AnyAccount() { return 1 + random_.Below(3); }
  std::string AnyName();
  uint64_t AnyMailbox(uint64_t account);
  std::vector<Range> AnyUids(uint64_t account, uint64_t mailbox, size_t max_ranges = 3);
  std::string AnyBody();
  entry::BodySource AnyBodySource();
  void MakeDeliver(entry::Entry& entry);
  void MakeAppend(entry::Entry& entry);
  void MakeStoreFlags(entry::Entry& entry);
  void MakeExpunge(entry::Entry& entry);
  void MakeCopy(entry::Entry& entry);
  void MakeStage(entry::Entry& entry);
  void MakeMailboxCommand(entry::Entry& entry);
  void MakeHousekeeping(entry::Entry& entry);

  // ---- Foretelling
  Account* Find(uint64_t account);
  Account* FindOrCreate(uint64_t account);
  uint32_t NextValidity(Account& account) const;
  Mailbox& AddMailbox(Account& account, const std::string& name, record::SpecialUse use);
  void AddParents(Account& account, const std::string& name);
  uint32_t Add(Mailbox& mailbox, Message message, uint64_t modseq);
  void Remove(Mailbox& mailbox, Account& account, uint32_t uid, uint64_t modseq);
  void Disturb(Mailbox& mailbox, Account& account, uint32_t uid);
  // Nothing: missing chunks.
  std::optional<std::string> TextOf(const entry::BodySource& source) const;

  entry::Result::Outcome Deliver(const entry::Deliver& command, entry::DeliverResult& result);
  entry::Result::Outcome Append(const entry::Append& command, entry::AppendResult& result);
  entry::Result::Outcome StoreFlags(const entry::StoreFlags& command,
                                    entry::StoreFlagsResult& result);
  entry::Result::Outcome Expunge(const entry::Expunge& command, entry::ExpungeResult& result);
  entry::Result::Outcome Copy(const entry::Copy& command, entry::CopyResult& result);
  entry::Result::Outcome StageCopy(const entry::StageCopy& command, entry::StageResult& result);
  entry::Result::Outcome FinishCopy(const entry::FinishCopy& command, entry::CopyResult& result);
  entry::Result::Outcome DropStage(const entry::DropStage& command);
  entry::Result::Outcome CreateMailbox(const entry::CreateMailbox& command,
                                       entry::MailboxResult& result);
  entry::Result::Outcome DeleteMailbox(const entry::DeleteMailbox& command,
                                       entry::MailboxResult& result);
  entry::Result::Outcome RenameMailbox(const entry::RenameMailbox& command,
                                       entry::MailboxResult& result);
  entry::Result::Outcome Subscribe(const entry::Subscribe& command);
  entry::Result::Outcome RecentMark(const entry::RecentMark& command);
  uint32_t ExpireKeys(const entry::ExpireKeys& command);

  void CompareMailbox(const Shard& shard, uint64_t account, const std::string& name,
                      const Mailbox& mailbox);
  void CompareSync(const MailboxReader& reader, const Mailbox& mailbox);

  SeededRandom random_;
  std::map<uint64_t, Account> accounts_;
  std::map<uint64_t, std::string> chunks_;  // not used yet
  std::map<uint64_t, std::string> all_chunks_;
  std::vector<entry::Entry> deliveries_;  // for retries
  uint64_t bodies_made_ = 0;
  uint64_t index_ = 0;
  int64_t now_us_ = 0;
};

}  // namespace packetboat::model::testing

#endif  // PACKETBOAT_STORE_MODEL_TESTING_ORACLE_H_
