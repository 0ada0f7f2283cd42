//! Which org somebody means who wants to sign in at its provider: by its id, or by its name.

use crate::cx::Cx;
use crate::name::{Label, NotALabel};
use crate::org::ROOT;
use crate::store::StoreError;
use std::fmt;
use std::str::FromStr;
use wire::OrgId;

/// An org as people call it. It may not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// By its id, in either spelling.
    Id(OrgId),
    /// By its name, as it is written.
    Name(Label),
}

impl FromStr for Sought {
    type Err = NotALabel;

    fn from_str(text: &str) -> Result<Self, NotALabel> {
        text.trim().parse().map(Self::Id).or_else(|_| text.parse().map(Self::Name))
    }
}

impl fmt::Display for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(&id.base62()),
            Self::Name(name) => f.write_str(name.as_str()),
        }
    }
}

/// The org that is meant; a name that no top-level org has, or more than one, means [`ROOT`], which has no provider.
///
/// It is asked for a provider like any other, so that time does not tell which names there are. An org below another has
/// no say: whoever administers the one above gives it any name.
pub async fn find(cx: &Cx, sought: &Sought) -> Result<OrgId, StoreError> {
    match sought {
        Sought::Id(id) => Ok(*id),
        Sought::Name(name) => match *cx.store.orgs_named(ROOT, name).await? {
            [only] => Ok(only),
            _ => Ok(ROOT),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_a_name() {
        let id = Sought::Id(OrgId::from_bits(0xbe04_95f9_722a_638d_f6fa_b2df_e92b_e3e5));
        for text in [" 5mYdXw9KcJhaf3LrN8pQ2v ", "be0495f9-722a-638d-f6fa-b2dfe92be3e5"] {
            assert_eq!(text.parse(), Ok(id.clone()), "{text}");
        }
        assert_eq!(id.to_string(), "5mYdXw9KcJhaf3LrN8pQ2v");
        assert_eq!(" Acme / Prod".parse::<Sought>().unwrap().to_string(), "Acme / Prod");
        for text in ["", " ", "a\0b", &"x".repeat(256)] {
            assert_eq!(text.parse::<Sought>(), Err(NotALabel), "{text}");
        }
    }
}
