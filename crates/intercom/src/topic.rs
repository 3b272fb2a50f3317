//! The topics that Intercom documents, and every other one.

use std::fmt;

macro_rules! topics {
    ($($variant:ident => $name:literal,)*) => {
        /// What a notification is about. An unknown topic keeps its name in [`Topic::Other`]: Intercom adds topics
        /// without notice, and old material uses names of API 1.x.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Topic {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )*
            /// A topic this version does not know by name.
            Other(String),
        }

        impl Topic {
            /// Every topic known by name.
            pub const KNOWN: &'static [Topic] = &[$(Topic::$variant),*];

            /// The name as Intercom sends it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Topic::$variant => $name,)*
                    Topic::Other(name) => name,
                }
            }
        }

        impl From<&str> for Topic {
            fn from(name: &str) -> Self {
                match name {
                    $($name => Topic::$variant,)*
                    other => Topic::Other(other.to_owned()),
                }
            }
        }
    };
}

// The last ten are of API 1.x, where users and contacts (today's leads) were two things; so are `contact.created` and
// `contact.updated`. Those of Preview (`audience.*`, `procedure.*`) change still and are left to `Other`.
topics! {
    Ping => "ping",
    AdminAddedToWorkspace => "admin.added_to_workspace",
    AdminRemovedFromWorkspace => "admin.removed_from_workspace",
    AdminAwayModeUpdated => "admin.away_mode_updated",
    AdminActivityLogEventCreated => "admin.activity_log_event.created",
    AdminLoggedIn => "admin.logged_in",
    AdminLoggedOut => "admin.logged_out",
    ArticleCreated => "article.created",
    ArticleUpdated => "article.updated",
    ArticlePublished => "article.published",
    ArticleUnpublished => "article.unpublished",
    ArticleDeleted => "article.deleted",
    CallStarted => "call.started",
    CallEnded => "call.ended",
    CallTranscriptionAvailable => "call.transcription_available",
    CallRecordingAvailable => "call.recording_available",
    CompanyCreated => "company.created",
    CompanyUpdated => "company.updated",
    CompanyDeleted => "company.deleted",
    CompanyContactAttached => "company.contact.attached",
    CompanyContactDetached => "company.contact.detached",
    ContactCreated => "contact.created",
    ContactUpdated => "contact.updated",
    ContactUserCreated => "contact.user.created",
    ContactUserUpdated => "contact.user.updated",
    ContactLeadCreated => "contact.lead.created",
    ContactLeadUpdated => "contact.lead.updated",
    ContactLeadAddedEmail => "contact.lead.added_email",
    ContactLeadSignedUp => "contact.lead.signed_up",
    ContactEmailUpdated => "contact.email.updated",
    ContactArchived => "contact.archived",
    ContactUnarchive => "contact.unarchive",
    ContactMerged => "contact.merged",
    ContactDeleted => "contact.deleted",
    ContactUserTagCreated => "contact.user.tag.created",
    ContactUserTagDeleted => "contact.user.tag.deleted",
    ContactLeadTagCreated => "contact.lead.tag.created",
    ContactLeadTagDeleted => "contact.lead.tag.deleted",
    ContactSubscribed => "contact.subscribed",
    ContactUnsubscribed => "contact.unsubscribed",
    GranularSubscribe => "granular.subscribe",
    GranularUnsubscribe => "granular.unsubscribe",
    ConversationUserCreated => "conversation.user.created",
    ConversationUserReplied => "conversation.user.replied",
    ConversationAdminAssigned => "conversation.admin.assigned",
    ConversationAdminClosed => "conversation.admin.closed",
    ConversationAdminNoted => "conversation.admin.noted",
    ConversationAdminOpenAssigned => "conversation.admin.open.assigned",
    ConversationAdminOpened => "conversation.admin.opened",
    ConversationAdminReplied => "conversation.admin.replied",
    ConversationAdminRepliedTranslated => "conversation.admin.replied.translated",
    ConversationAdminSingleCreated => "conversation.admin.single.created",
    ConversationAdminSnoozed => "conversation.admin.snoozed",
    ConversationAdminUnsnoozed => "conversation.admin.unsnoozed",
    ConversationOperatorReplied => "conversation.operator.replied",
    ConversationDeleted => "conversation.deleted",
    ConversationPriorityUpdated => "conversation.priority.updated",
    ConversationRatingAdded => "conversation.rating.added",
    ConversationContactAttached => "conversation.contact.attached",
    ConversationContactDetached => "conversation.contact.detached",
    ConversationCompanyUpdated => "conversation.company.updated",
    ConversationStateChanged => "conversation.state.changed",
    ConversationRead => "conversation.read",
    ConversationPartRedacted => "conversation_part.redacted",
    ConversationPartTagCreated => "conversation_part.tag.created",
    ContentSnippetCreated => "content_snippet.created",
    ContentSnippetUpdated => "content_snippet.updated",
    ContentSnippetDeleted => "content_snippet.deleted",
    ContentStatBanner => "content_stat.banner",
    ContentStatCarousel => "content_stat.carousel",
    ContentStatChat => "content_stat.chat",
    ContentStatChecklist => "content_stat.checklist",
    ContentStatCustomBot => "content_stat.custom_bot",
    ContentStatEmail => "content_stat.email",
    ContentStatNewsItem => "content_stat.news_item",
    ContentStatPost => "content_stat.post",
    ContentStatPush => "content_stat.push",
    ContentStatSeries => "content_stat.series",
    ContentStatSeriesWebhook => "content_stat.series.webhook",
    ContentStatSms => "content_stat.sms",
    ContentStatSurvey => "content_stat.survey",
    ContentStatTooltipGroup => "content_stat.tooltip_group",
    ContentStatTour => "content_stat.tour",
    EventCreated => "event.created",
    JobCompleted => "job.completed",
    VisitorSignedUp => "visitor.signed_up",
    TicketCreated => "ticket.created",
    TicketStateUpdated => "ticket.state.updated",
    TicketNoteCreated => "ticket.note.created",
    TicketAdminAssigned => "ticket.admin.assigned",
    TicketTeamAssigned => "ticket.team.assigned",
    TicketContactAttached => "ticket.contact.attached",
    TicketContactDetached => "ticket.contact.detached",
    TicketAttributeUpdated => "ticket.attribute.updated",
    TicketAdminSnoozed => "ticket.admin.snoozed",
    TicketAdminUnsnoozed => "ticket.admin.unsnoozed",
    TicketAdminReplied => "ticket.admin.replied",
    TicketAdminRepliedTranslated => "ticket.admin.replied.translated",
    TicketContactReplied => "ticket.contact.replied",
    TicketClosed => "ticket.closed",
    TicketResolved => "ticket.resolved",
    TicketRatingProvided => "ticket.rating.provided",
    ApiRequestCompleted => "api.request.completed",
    DataConnectorExecutionCompleted => "data_connector.execution.completed",
    UserCreated => "user.created",
    UserDeleted => "user.deleted",
    UserEmailUpdated => "user.email.updated",
    UserTagCreated => "user.tag.created",
    UserTagDeleted => "user.tag.deleted",
    UserUnsubscribed => "user.unsubscribed",
    ContactAddedEmail => "contact.added_email",
    ContactSignedUp => "contact.signed_up",
    ContactTagCreated => "contact.tag.created",
    ContactTagDeleted => "contact.tag.deleted",
}

impl Topic {
    /// Topics that are answered and counted but never queued: a `ping` says nothing, and `api.request.completed` is
    /// caused by our own calls, so that reading it would make more of it.
    pub fn is_counted_only(&self) -> bool {
        matches!(self, Topic::Ping | Topic::ApiRequestCompleted)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_topic_is_read_from_its_own_name() {
        for topic in Topic::KNOWN {
            assert_eq!(&Topic::from(topic.as_str()), topic);
        }
    }

    #[test]
    fn an_unknown_topic_keeps_its_name() {
        assert_eq!(Topic::from("procedure.hitl.created").as_str(), "procedure.hitl.created");
    }
}
