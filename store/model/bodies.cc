#include "store/model/bodies.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/check.h"
#include "store/model/commands.h"
#include "store/model/limits.h"

namespace packetboat::model {
namespace {

using entry::Result;

bool WellformedChunks(const entry::ChunkList& chunks) {
  const size_t count = static_cast<size_t>(chunks.indexes_size());
  if (count == 0 || count > kMaxChunksPerBody) return false;
  return std::set<uint64_t>(chunks.indexes().begin(), chunks.indexes().end()).size() == count;
}

bool HasPieces(const record::Body& body, const entry::ChunkList& chunks) {
  return std::equal(
      body.pieces().begin(), body.pieces().end(), chunks.indexes().begin(), chunks.indexes().end(),
      [](const record::BodyPiece& piece, uint64_t index) { return piece.index() == index; });
}

BodyState LookAtChunks(const State& state, const entry::BodySource& source) {
  uint64_t octets = 0;
  std::set<uint64_t> owners;
  for (const uint64_t index : source.chunks().indexes()) {
    const auto chunk = state.Find<record::Chunk>(state.keys().Chunk(RaftIndex(index)));
    if (!chunk.has_value()) return BodyState::kMissing;
    octets += chunk->octets();
    owners.insert(chunk->body());
  }
  if (octets != source.octets() || owners.size() != 1) return BodyState::kMalformed;
  if (*owners.begin() == 0) return BodyState::kAvailable;
  // An earlier entry made a body of them.
  const auto body = state.Get<record::Body>(state.keys().Body(RaftIndex(*owners.begin())));
  return HasPieces(body, source.chunks()) ? BodyState::kAvailable : BodyState::kMalformed;
}

BodyState LookAtExisting(const State& state, const entry::BodySource& source) {
  const auto body = state.Find<record::Body>(state.keys().Body(RaftIndex(source.existing())));
  if (!body.has_value()) return BodyState::kMissing;
  const bool same = body->octets() == source.octets() && body->sha256() == source.sha256();
  return same ? BodyState::kAvailable : BodyState::kMalformed;
}

void AddPiece(record::Body& body, uint64_t index, uint64_t octets) {
  record::BodyPiece& piece = *body.add_pieces();
  piece.set_index(index);
  piece.set_octets(static_cast<uint32_t>(octets));
}

void ClaimChunk(State& state, record::Body& body, RaftIndex index) {
  auto chunk = state.Get<record::Chunk>(state.keys().Chunk(index));
  state.Delete(state.keys().IdleChunk(chunk.written_us(), index));
  chunk.set_body(state.index().value());
  state.Put(state.keys().Chunk(index), chunk);
  AddPiece(body, index.value(), chunk.octets());
}

// Named by this entry.
RaftIndex Create(State& state, const entry::BodySource& source) {
  record::Body body;
  body.set_octets(source.octets());
  body.set_sha256(source.sha256());
  body.set_references(1);
  if (source.has_whole()) {
    if (source.octets() > 0) {
      AddPiece(body, state.index().value(), source.octets());
      state.PutBytes(kv::kBodies, state.keys().BodyOctets(state.index()), source.whole());
    }
  } else {
    for (const uint64_t index : source.chunks().indexes()) {
      ClaimChunk(state, body, RaftIndex(index));
    }
  }
  if (!source.structure().empty()) {
    body.set_structure_octets(source.structure().size());
    state.PutBytes(kv::kBodies, state.keys().Structure(state.index()), source.structure());
  }
  state.Put(state.keys().Body(state.index()), body);
  return state.index();
}

// The name of a body that is already there for `source`; zero: none is.
RaftIndex FindBody(const State& state, const entry::BodySource& source) {
  if (source.from_case() == entry::BodySource::kExisting) return RaftIndex(source.existing());
  if (source.from_case() != entry::BodySource::kChunks) return RaftIndex(0);
  const RaftIndex first(source.chunks().indexes(0));
  return RaftIndex(state.Get<record::Chunk>(state.keys().Chunk(first)).body());
}

void RemoveChunk(State& state, RaftIndex index) {
  state.Delete(state.keys().Chunk(index));
  state.DeleteBytes(kv::kBodies, state.keys().BodyOctets(index));
}

// Answers how many pieces went.
uint32_t RemoveBody(State& state, RaftIndex name, int64_t idle_since_us) {
  const auto body = state.Get<record::Body>(state.keys().Body(name));
  CHECK_EQ(body.references(), 0u) << "body " << name;
  CHECK_EQ(body.unreferenced_us(), idle_since_us) << "body " << name;
  for (const record::BodyPiece& piece : body.pieces()) RemoveChunk(state, RaftIndex(piece.index()));
  if (body.structure_octets() > 0) {
    state.DeleteBytes(kv::kBodies, state.keys().Structure(name));
  }
  state.Delete(state.keys().Body(name));
  return 1 + static_cast<uint32_t>(body.pieces_size());
}

}  // namespace

bool WellformedBody(const entry::BodySource& source) {
  if (source.sha256().size() != kHashBytes) return false;
  if (source.structure().size() > kMaxStructureBytes) return false;
  switch (source.from_case()) {
    case entry::BodySource::kWhole:
      return source.whole().size() == source.octets() && source.octets() <= kMaxChunkBytes;
    case entry::BodySource::kChunks:
      return WellformedChunks(source.chunks());
    case entry::BodySource::kExisting:
      return source.existing() != 0 && source.structure().empty();
    case entry::BodySource::FROM_NOT_SET:
      return false;
  }
  return false;
}

BodyState Look(const State& state, const entry::BodySource& source) {
  switch (source.from_case()) {
    case entry::BodySource::kChunks:
      return LookAtChunks(state, source);
    case entry::BodySource::kExisting:
      return LookAtExisting(state, source);
    default:
      return BodyState::kAvailable;
  }
}

RaftIndex Refer(State& state, const entry::BodySource& source) {
  const RaftIndex there = FindBody(state, source);
  if (there == RaftIndex(0)) return Create(state, source);
  AddReference(state, there);
  return there;
}

void AddReference(State& state, RaftIndex name) {
  const std::string key = state.keys().Body(name);
  auto body = state.Get<record::Body>(key);
  if (body.references() == 0) {
    state.Delete(state.keys().IdleBody(body.unreferenced_us(), name));
    body.clear_unreferenced_us();
  }
  body.set_references(body.references() + 1);
  state.Put(key, body);
}

void DropReference(State& state, RaftIndex name) {
  const std::string key = state.keys().Body(name);
  auto body = state.Get<record::Body>(key);
  CHECK_GT(body.references(), 0u) << "body " << name;
  body.set_references(body.references() - 1);
  if (body.references() == 0) {
    body.set_unreferenced_us(state.now_us());
    state.PutMark(state.keys().IdleBody(state.now_us(), name));
  }
  state.Put(key, body);
}

Result::Outcome Apply(State& state, const entry::BodyChunk& command, Result&) {
  const size_t octets = command.octets().size();
  if (octets == 0 || octets > kMaxChunkBytes) return Result::MALFORMED;
  record::Chunk chunk;
  chunk.set_written_us(state.now_us());
  chunk.set_octets(static_cast<uint32_t>(octets));
  state.Put(state.keys().Chunk(state.index()), chunk);
  state.PutMark(state.keys().IdleChunk(state.now_us(), state.index()));
  state.PutBytes(kv::kBodies, state.keys().BodyOctets(state.index()), command.octets());
  return Result::OK;
}

Result::Outcome Apply(State& state, const entry::CollectBodies& command, Result& result) {
  if (command.max() == 0 || command.max() > kMaxSweptPerEntry) return Result::MALFORMED;
  entry::SweepResult& sweep = *result.mutable_sweep();
  const int64_t before_us =
      std::min(command.unreferenced_before_us(), state.now_us() - kMinBodyGraceUs);
  uint32_t work = 0;
  for (const State::Record& idle : state.List(state.keys().IdleBodies(), command.max() + 1)) {
    KeyReader key(idle.key, kShardKeyPrefix);
    const int64_t since_us = key.Time();
    if (since_us >= before_us) break;
    if (work >= command.max()) {
      sweep.set_more(true);
      break;
    }
    state.Delete(idle.key);
    work += RemoveBody(state, RaftIndex(key.U64()), since_us);
    sweep.set_removed(sweep.removed() + 1);
  }
  for (const State::Record& idle : state.List(state.keys().IdleChunks(), command.max() + 1)) {
    KeyReader key(idle.key, kShardKeyPrefix);
    if (key.Time() >= command.chunks_before_us()) break;
    if (work >= command.max()) {
      sweep.set_more(true);
      break;
    }
    state.Delete(idle.key);
    RemoveChunk(state, RaftIndex(key.U64()));
    ++work;
    sweep.set_removed(sweep.removed() + 1);
  }
  return Result::OK;
}

}  // namespace packetboat::model
