#ifndef PACKETBOAT_STORE_MODEL_COMMANDS_H_
#define PACKETBOAT_STORE_MODEL_COMMANDS_H_

#include "proto/store/entry.pb.h"
#include "store/model/state.h"

// What each command does to the state. Internal to store/model.
//
// Each checks its command first, answers MALFORMED when it breaks a limit, and changes nothing
// unless it answers OK.

namespace packetboat::model {

using Outcome = entry::Result::Outcome;

// bodies.cc
Outcome Apply(State& state, const entry::BodyChunk& command, entry::Result& result);
Outcome Apply(State& state, const entry::CollectBodies& command, entry::Result& result);

// deliver.cc
Outcome Apply(State& state, const entry::Deliver& command, entry::Result& result);
Outcome Apply(State& state, const entry::ForgetKeys& command, entry::Result& result);
Outcome Apply(State& state, const entry::ExpireKeys& command, entry::Result& result);

// messages.cc
Outcome Apply(State& state, const entry::Append& command, entry::Result& result);
Outcome Apply(State& state, const entry::StoreFlags& command, entry::Result& result);
Outcome Apply(State& state, const entry::Expunge& command, entry::Result& result);
Outcome Apply(State& state, const entry::Copy& command, entry::Result& result);
Outcome Apply(State& state, const entry::RecentMark& command, entry::Result& result);
Outcome Apply(State& state, const entry::ExpireTombstones& command, entry::Result& result);

// stages.cc
Outcome Apply(State& state, const entry::StageCopy& command, entry::Result& result);
Outcome Apply(State& state, const entry::FinishCopy& command, entry::Result& result);
Outcome Apply(State& state, const entry::DropStage& command, entry::Result& result);
Outcome Apply(State& state, const entry::Unfold& command, entry::Result& result);

// mailboxes.cc
Outcome Apply(State& state, const entry::CreateMailbox& command, entry::Result& result);
Outcome Apply(State& state, const entry::DeleteMailbox& command, entry::Result& result);
Outcome Apply(State& state, const entry::RenameMailbox& command, entry::Result& result);
Outcome Apply(State& state, const entry::Subscribe& command, entry::Result& result);

// account.cc
Outcome Apply(State& state, const entry::CreateAccount& command, entry::Result& result);
Outcome Apply(State& state, const entry::DeleteAccount& command, entry::Result& result);
Outcome Apply(State& state, const entry::Purge& command, entry::Result& result);

// directory.cc
Outcome Apply(State& state, const entry::AddDomain& command, entry::Result& result);
Outcome Apply(State& state, const entry::RemoveDomain& command, entry::Result& result);
Outcome Apply(State& state, const entry::AddAccount& command, entry::Result& result);
Outcome Apply(State& state, const entry::RemoveAccount& command, entry::Result& result);
Outcome Apply(State& state, const entry::ConfirmRemoval& command, entry::Result& result);
Outcome Apply(State& state, const entry::SetPassword& command, entry::Result& result);
Outcome Apply(State& state, const entry::SetSource& command, entry::Result& result);
Outcome Apply(State& state, const entry::SetQuota& command, entry::Result& result);
Outcome Apply(State& state, const entry::PutAlias& command, entry::Result& result);
Outcome Apply(State& state, const entry::RemoveAlias& command, entry::Result& result);
Outcome Apply(State& state, const entry::EnsureAccounts& command, entry::Result& result);

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_COMMANDS_H_
