#include "mx/clients/replies.h"

#include "gtest/gtest.h"

namespace packetboat::mx {
namespace {

using rpc::auth::ResolveReply;
using rpc::delivery::RecipientResult;

ResolveReply Reply(ResolveReply::Result result) {
  ResolveReply reply;
  reply.set_result(result);
  return reply;
}

TEST(ResolveReplyTest, ResultThatIsNotKnownIsNeitherYesNorNo) {
  EXPECT_EQ(FromProto(Reply(ResolveReply::NO_SUCH_USER))->result, ResolveResult::kNoSuchUser);
  EXPECT_EQ(FromProto(Reply(ResolveReply::NOT_LOCAL))->result, ResolveResult::kNotLocal);
  EXPECT_EQ(FromProto(Reply(ResolveReply::LOOP))->result, ResolveResult::kLoop);
  EXPECT_FALSE(FromProto(Reply(ResolveReply::RESULT_UNSPECIFIED)).ok());
  EXPECT_FALSE(FromProto(Reply(static_cast<ResolveReply::Result>(77))).ok());
}

TEST(ResolveReplyTest, YesNamesSomebody) {
  ResolveReply reply = Reply(ResolveReply::OK);
  EXPECT_FALSE(FromProto(reply).ok()) << "it would be a 250 without a copy";
  reply.add_targets()->mutable_local()->mutable_account()->set_account_id(7);
  ASSERT_TRUE(FromProto(reply).ok());
  EXPECT_EQ(FromProto(reply)->local[0].account, AccountId(7));
  reply.add_targets();
  EXPECT_FALSE(FromProto(reply).ok()) << "a target of a kind that is not known";
}

TEST(DeliveryOutcomeTest, OutcomeThatIsNotKnownIsNoDelivery) {
  EXPECT_EQ(*FromProto(RecipientResult::DELIVERED), DeliveryOutcome::kDelivered);
  EXPECT_EQ(*FromProto(RecipientResult::DUPLICATE), DeliveryOutcome::kDuplicate);
  EXPECT_EQ(*FromProto(RecipientResult::NO_SUCH_ACCOUNT), DeliveryOutcome::kNoSuchAccount);
  EXPECT_FALSE(FromProto(RecipientResult::OUTCOME_UNSPECIFIED).ok());
  EXPECT_FALSE(FromProto(static_cast<RecipientResult::Outcome>(77)).ok());
}

}  // namespace
}  // namespace packetboat::mx
