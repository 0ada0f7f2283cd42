//! Why something was not done, as the record has it; the caller heard none of this.

use serde::Serialize;

/// Why a sign-in was refused; for the auditor alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Nobody has that name.
    UnknownName,
    /// The password is not the one that is kept.
    WrongPassword,
    /// No OAuth client has that id.
    UnknownClient,
    /// The secret is not one of the client's.
    WrongSecret,
    /// The user or the client is disabled.
    Disabled,
    /// The org does not let its users come from there.
    Outside,
    /// The answer to the security question is not the one that is kept, or none is.
    WrongAnswer,
    /// The user signs in elsewhere and has no password here.
    NoPassword,
    /// The password was right, but the user signs in at another region's login host.
    OtherRegion,
    /// The password was right, but the org holds as many sessions as it may.
    SessionLimit,
}

/// Why no token was minted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MintRefusal {
    /// No client has the `client_id` that was asked for.
    UnknownClient,
    /// Too many sessions minted their first token at once.
    Busy,
    /// The user was disabled or got another password meanwhile.
    Ended,
    /// The store did not answer.
    Unavailable,
    /// There was no key to sign with.
    NoKey,
}

/// Why an assertion was not trusted; for the auditor alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Distrust {
    /// There is no such org.
    UnknownOrg,
    /// It is not a signed JWT.
    NotAToken,
    /// A name in it is repeated.
    RepeatedName,
    /// Its header asks for something that is not done here, or brings a key along.
    HeaderNotAllowed,
    /// It is a token for something else.
    WrongKind,
    /// The org has no identity provider of that issuer.
    UnknownIssuer,
    /// The provider's keys cannot be had.
    KeysUnavailable,
    /// The provider has no such key, or more than one.
    UnknownKey,
    /// The key is too short to be trusted, or too long to be used.
    WeakKey,
    /// It names another algorithm than the provider and its key have.
    WrongAlgorithm,
    /// The signature is not that of the key.
    BadSignature,
    /// A claim is missing.
    MissingClaim,
    /// A claim is of another type, or outside its range.
    WrongType,
    /// It is for somebody else.
    WrongAudience,
    /// It is too late.
    Expired,
    /// It is too early.
    NotYet,
    /// It is good for longer than a day, or for no time.
    LivesTooLong,
    /// It means nobody in this org.
    UnknownUser,
    /// The user has a password here and signs in with it.
    NotFederated,
    /// The user is disabled.
    Disabled,
    /// The org does not let its users come from there.
    Outside,
    /// It was used before.
    Replayed,
    /// The user whom it means was changed while it was looked at.
    ChangedMeanwhile,
    /// It is longer, wider or deeper than is read.
    TooLarge,
    /// It is not XML in Base64.
    NotXml,
    /// It has a document type.
    Doctype,
    /// A comment, an instruction or a section stands in it, over which readers differ.
    HiddenText,
    /// It is not a SAML 2.0 response or assertion, or something in it stands where nothing may.
    NotSaml,
    /// It has no assertion, more than one, or one in a foreign place.
    NotOneAssertion,
    /// It is encrypted, which is not read here.
    Encrypted,
    /// Nothing in it is signed.
    Unsigned,
    /// A signature stands somewhere else than right in the response or the assertion, or is one too many.
    MisplacedSignature,
    /// A signature has another shape than the one that is accepted.
    SignatureNotAllowed,
    /// It says that the sign-in did not succeed.
    NotSuccessful,
    /// It may not be brought by whoever bears it.
    NotConfirmed,
    /// It was to be brought elsewhere.
    WrongRecipient,
    /// It was sent elsewhere.
    WrongDestination,
    /// It answers another request than the one that was made, or none where one has to be made.
    WrongRequest,
}

/// Why a token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenRefusal {
    /// Nobody has made it, or it was removed.
    Unknown,
    /// Its time is over.
    Expired,
    /// The org does not let it come from there.
    Outside,
}
