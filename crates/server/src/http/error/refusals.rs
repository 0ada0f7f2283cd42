//! What each rule says when it says no, in a code for programs and a sentence for people. Every match is exhaustive.

use super::ApiError;
use domain::access::{Denied, NoPermit, NotACaller};
use domain::client::{ClientError, Unfit};
use domain::identity_provider::ProviderError;
use domain::method::Busy;
use domain::oauth::GrantError;
use domain::org::OrgError;
use domain::org_policy::PolicyError;
use domain::password::{OwnError, Weakness};
use domain::revision::ChangeError;
use domain::saml::logout::LogoutError;
use domain::saml::mapping::{MOST, MappingError};
use domain::scim::ScimError;
use domain::scim::token::TokenError;
use domain::sign_in::SignInError;
use domain::store::StoreError;
use domain::token::MintError;
use wire::error::Code;
use wire::fields::BodyError;
use wire::scim::ScimType;

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Refused => Self::new(Code::BadCredentials, "User name or password is not valid."),
            SignInError::NotTrusted => Self::new(Code::BadCredentials, "The token is not trusted."),
            SignInError::Locked => {
                Self::new(Code::Locked, "User account is locked. Try again later, or ask an administrator.")
            }
            SignInError::Throttled { wait } => {
                Self::new(Code::Throttled, "Too many failed sign-ins from this address. Try again later.")
                    .after(wait)
            }
            SignInError::OtherRegion { login_url } => {
                Self::new(Code::OtherRegion, format!("This user signs in at {login_url}."))
            }
            SignInError::TooManySessions => Self::new(
                Code::TooManySessions,
                "The organization holds as many sessions as it may. End some, or wait until they expire.",
            ),
            SignInError::Busy(Busy { wait }) => {
                Self::new(Code::Busy, "Too many sign-ins at once. Try again in a moment.").after(wait)
            }
            SignInError::Store(error) => error.into(),
        }
    }
}

impl From<LogoutError> for ApiError {
    fn from(error: LogoutError) -> Self {
        match error {
            LogoutError::NotTrusted => Self::new(
                Code::BadCredentials,
                "The message of your identity provider was not accepted, and nobody was signed out by it. Sign out here, \
                 or give the reference below to your administrator.",
            ),
            LogoutError::Busy => Self::new(Code::Busy, "Too many sign-outs at once. Try again in a moment."),
            LogoutError::Store(error) => error.into(),
        }
    }
}

impl From<NotACaller> for ApiError {
    fn from(error: NotACaller) -> Self {
        match error {
            NotACaller::Dead => Self::dead_session(),
            NotACaller::Store(error) => error.into(),
        }
    }
}

impl From<Denied> for ApiError {
    fn from(Denied: Denied) -> Self {
        Self::new(Code::Denied, "This user may not do that.")
    }
}

impl From<NoPermit> for ApiError {
    fn from(error: NoPermit) -> Self {
        match error {
            NoPermit::Denied => Denied.into(),
            NoPermit::Unknown => Self::unknown(),
            NoPermit::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Taken => Self::new(Code::Conflict, "Something else has that name."),
            ChangeError::Contended => Self::new(
                Code::Conflict,
                "Somebody else changed it meanwhile. Read it again, then change it.",
            ),
            ChangeError::ManyMembers => Self::new(
                Code::Conflict,
                "The group has more members than one body names; its members come and go by SCIM.",
            ),
            ChangeError::NoPassword => Self::new(
                Code::BadRequest,
                "This user signs in at an identity provider and has no password here.",
            ),
            ChangeError::Weak(weakness) => weakness.into(),
            ChangeError::Busy(Busy { wait }) => {
                Self::new(Code::Busy, "Too many passwords at once. Try again in a moment.").after(wait)
            }
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<Weakness> for ApiError {
    fn from(weakness: Weakness) -> Self {
        let what = if weakness == Weakness::ShortAnswer { "answer" } else { "password" };
        Self::new(Code::WeakPassword, format!("The {what} was not taken: {weakness}."))
    }
}

impl From<PolicyError> for ApiError {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Nonsense(nonsense) => {
                Self::new(Code::BadRequest, format!("Bad Request. Please check your request: {nonsense}."))
            }
            PolicyError::FromAbove => NoPermit::Denied.into(),
            PolicyError::Gone => Self::unknown(),
            PolicyError::Change(error) => error.into(),
        }
    }
}

impl From<OrgError> for ApiError {
    fn from(error: OrgError) -> Self {
        let conflict = |what: &OrgError| Self::new(Code::Conflict, format!("It cannot be so: {what}."));
        match error {
            OrgError::UnknownRegion => {
                Self::new(Code::BadRequest, format!("Bad Request. Please check your request: {error}."))
            }
            OrgError::TooMany | OrgError::TooDeep | OrgError::NotEmpty => conflict(&error),
            OrgError::Change(error) => error.into(),
        }
    }
}

impl From<OwnError> for ApiError {
    fn from(error: OwnError) -> Self {
        match error {
            OwnError::Old(error) => error.into(),
            OwnError::New(error) => error.into(),
        }
    }
}

impl From<MintError> for ApiError {
    fn from(error: MintError) -> Self {
        match error {
            MintError::UnknownClient => {
                Self::new(Code::ClientUnknown, "The client_id is missing or not known.")
            }
            MintError::Busy => Self::new(Code::Busy, "Too many first tokens at once. Try again in a moment."),
            MintError::Ended => Self::dead_session(),
            MintError::Store(error) => error.into(),
            MintError::NoKey => {
                Self::new(Code::Unavailable, "There is no key to sign with. Try again in a moment.")
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store did not do what was asked");
        match error {
            StoreError::Unavailable(_) => {
                Self::new(Code::Unavailable, "The store cannot be used right now. Try again in a moment.")
            }
            StoreError::Conflict | StoreError::Corrupt(_) => {
                Self::new(Code::Internal, "something here is broken")
            }
        }
    }
}

impl From<ProviderError> for ApiError {
    fn from(error: ProviderError) -> Self {
        let wrong =
            |what| Self::new(Code::BadRequest, format!("Bad Request. Please check your request: {what}."));
        match error {
            ProviderError::Unfit(unfit) => wrong(unfit.to_string()),
            ProviderError::Taken => {
                wrong("the organization has an identity provider of this issuer".to_owned())
            }
            ProviderError::TooMany => {
                wrong("the organization has as many identity providers as it may".to_owned())
            }
            ProviderError::NotFound => {
                Self::new(Code::NotFound, "The organization has no such identity provider.")
            }
            ProviderError::Store(error) => error.into(),
        }
    }
}

impl From<Unfit> for ApiError {
    fn from(unfit: Unfit) -> Self {
        Self::unfit(unfit)
    }
}

impl From<ClientError> for ApiError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::TooMany => {
                Self::new(Code::Conflict, "The organization has as many OAuth clients as it may. Remove one.")
            }
            ClientError::TooManySecrets => {
                Self::new(Code::Conflict, "The OAuth client has two secrets. Remove one.")
            }
            ClientError::NoSecret => Self::unknown(),
            ClientError::Contended => ChangeError::Contended.into(),
            ClientError::Store(error) => error.into(),
        }
    }
}

impl From<GrantError> for ApiError {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::InvalidClient => Self::invalid_client(),
            GrantError::NotSignedIn(error) => error.into(),
            GrantError::NoOrg => {
                Self::new(Code::BadRequest, "Name an org in org_id, or a client that has one.")
            }
            GrantError::InvalidSubject => Self::new(
                Code::BadRequest,
                "The subject_token is not alive, not that of a user, or not for this client.",
            ),
            GrantError::InvalidTarget => Self::new(
                Code::InvalidTarget,
                "The audience is not known, or the subject may not be taken there.",
            ),
            GrantError::Busy => Self::new(Code::Busy, "Too many requests at once. Try again in a moment."),
            GrantError::NoKey => MintError::NoKey.into(),
            GrantError::TooManyRevoked => Self::new(
                Code::Unavailable,
                "The organization has withdrawn as many tokens as it may. Try again later.",
            ),
            GrantError::Store(error) => error.into(),
        }
    }
}

impl From<MappingError> for ApiError {
    fn from(error: MappingError) -> Self {
        let wrong =
            |what| Self::new(Code::BadRequest, format!("Bad Request. Please check your request: {what}."));
        match error {
            MappingError::TooMany => wrong(format!("a role has at most {MOST} SAML names")),
            MappingError::Unknown => wrong("a SAML name is not mapped to this role".to_owned()),
            MappingError::Change(error) => error.into(),
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        Self::new(Code::BadRequest, format!("Bad Request. Please check your request: {error}."))
    }
}

impl From<ScimError> for ApiError {
    fn from(error: ScimError) -> Self {
        match error {
            ScimError::Asked(kind, what) => Self::scim(Code::BadRequest, kind, what),
            ScimError::Unknown => Self::unknown(),
            ScimError::Denied => Self::new(Code::Denied, "This token may not do that."),
            ScimError::Taken => {
                Self::scim(Code::Conflict, ScimType::Uniqueness, "Something else has that name.")
            }
            ScimError::Outdated => Self::new(Code::Precondition, "It was changed meanwhile: read it again."),
            ScimError::Contended => ChangeError::Contended.into(),
            ScimError::Weak(weakness) => Self::scim(
                Code::WeakPassword,
                ScimType::InvalidValue,
                format!("The password was not taken: {weakness}."),
            ),
            ScimError::Busy(busy) => ChangeError::Busy(busy).into(),
            ScimError::Store(error) => error.into(),
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::TooMany => {
                Self::new(Code::Conflict, "The organization has as many SCIM tokens as it may: remove one.")
            }
            TokenError::NotFound => Self::unknown(),
            TokenError::Store(error) => error.into(),
        }
    }
}
