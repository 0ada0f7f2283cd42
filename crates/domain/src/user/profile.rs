//! What people read about a user.

use crate::scim::Provisioned;
use crate::texts::Texts;

/// What people read about a user; none of it decides anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Job title.
    pub title: String,
    /// Telephone number.
    pub phone: String,
    /// E-mail address.
    pub email: String,
    /// Name of a time zone, such as `America/Los_Angeles`.
    pub timezone: String,
    /// Free text.
    pub description: String,
    /// Code or text of the security question (protocol.md 4.9); the answer is never shown.
    pub security_question: String,
    /// What the client of SCIM says on top.
    #[serde(skip_serializing_if = "Provisioned::is_empty")]
    pub provisioned: Provisioned,
}

/// The same in little memory, as it is kept of a million users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    /// Apart from the others, for every check of a session tells it.
    timezone: Box<str>,
    texts: Texts,
    provisioned: Option<Box<Provisioned>>,
}

impl From<Profile> for Packed {
    fn from(profile: Profile) -> Self {
        let texts = Texts::of(&[
            &profile.first_name,
            &profile.last_name,
            &profile.email,
            &profile.title,
            &profile.phone,
            &profile.description,
            &profile.security_question,
        ]);
        let provisioned = Some(profile.provisioned).filter(|it| !it.is_empty()).map(Box::new);
        Self { timezone: profile.timezone.into(), texts, provisioned }
    }
}

impl Packed {
    /// All of it, to be changed or written.
    pub fn open(&self) -> Profile {
        Profile {
            first_name: self.first_name().to_owned(),
            last_name: self.last_name().to_owned(),
            title: self.title().to_owned(),
            phone: self.phone().to_owned(),
            email: self.email().to_owned(),
            timezone: self.timezone().to_owned(),
            description: self.description().to_owned(),
            security_question: self.security_question().to_owned(),
            provisioned: self.provisioned().cloned().unwrap_or_default(),
        }
    }

    /// Given name.
    pub fn first_name(&self) -> &str {
        self.texts.get(0)
    }

    /// Family name.
    pub fn last_name(&self) -> &str {
        self.texts.get(1)
    }

    /// E-mail address.
    pub fn email(&self) -> &str {
        self.texts.get(2)
    }

    /// Job title.
    pub fn title(&self) -> &str {
        self.texts.get(3)
    }

    /// Telephone number.
    pub fn phone(&self) -> &str {
        self.texts.get(4)
    }

    /// Free text.
    pub fn description(&self) -> &str {
        self.texts.get(5)
    }

    /// Code or text of the security question.
    pub fn security_question(&self) -> &str {
        self.texts.get(6)
    }

    /// Name of a time zone.
    pub fn timezone(&self) -> &str {
        &self.timezone
    }

    /// What the client of SCIM says on top, if it says anything.
    pub fn provisioned(&self) -> Option<&Provisioned> {
        self.provisioned.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_opened_as_it_was_packed() {
        let profile = Profile {
            first_name: "Ada".into(),
            last_name: "Lovelace".into(),
            title: "Countess".into(),
            phone: "+44 20 7946 0018".into(),
            email: "ada@acme.test".into(),
            timezone: "Europe/London".into(),
            description: "Notes".repeat(100),
            security_question: "PET_NAME".into(),
            provisioned: Provisioned { external_id: Some("7".into()), ..Provisioned::default() },
        };
        for profile in [profile, Profile::default()] {
            assert_eq!(Packed::from(profile.clone()).open(), profile);
        }
    }
}
