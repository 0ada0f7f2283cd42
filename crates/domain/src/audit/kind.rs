//! Which event an entry holds: what is left of it for whoever reads its text, of this release or another.

use super::Event;
use serde::Deserialize;

/// Names every variant of [`Event`] once; one that is missing stops the build.
macro_rules! kinds {
    ($($name:ident)*) => {
        /// An event without its fields, read from the `event` of an entry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "each is documented at the variant of `Event` that has its name")]
        pub enum Kind {
            $($name,)*
            /// An event of another release.
            #[serde(other)]
            Unknown,
        }

        impl Event {
            /// This event without its fields.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$name { .. } => Kind::$name,)*
                }
            }
        }
    };
}

kinds! {
    SignedIn SignInRefused AssertionRefused IdentityProviderAdded IdentityProviderChanged IdentityProviderRemoved
    ClientRefused TokenRevoked UserProvisioned SamlMappingsWritten LockedAttempts TokensMinted MintRefused Denied
    NotRecorded PasswordRehashed SignedOut OrgSessionsEnded KeyRotated SamlKeyMade AuditCut BackedUp AuditExported
    Restored Founded UserWritten RoleWritten GroupWritten ClientWritten ClientSecretAdded ClientSecretRemoved LockLifted
    AddressThrottled PolicyChanged OrgWritten SubOrgWritten SessionEnded UserSessionsEnded ScimTokenMade
    ScimTokenRemoved ScimRefused LogoutRefused SignedOutByProvider LogoutAnswered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_an_event_is_the_name_that_its_entry_has() {
        for event in [Event::BackedUp {}, Event::AuditCut { through: 1 }, Event::NotRecorded { count: 2 }] {
            let text = serde_json::to_value(&event).unwrap();
            assert_eq!(Kind::deserialize(&text["event"]).unwrap(), event.kind());
        }
        let later: Kind = serde_json::from_str(r#""of_next_year""#).unwrap();
        assert_eq!(later, Kind::Unknown);
    }
}
