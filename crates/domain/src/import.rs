//! Many users at once: a batch is one transaction, each user in it is judged as if it came alone, and none comes twice.

use crate::access::{self, Caller, NoPermit, Permit, action};
use crate::audit::Written;
use crate::cx::Cx;
use crate::group::Group;
use crate::method::hash::PasswordHash;
use crate::revision::author;
use crate::role::{self, AnyRole};
use crate::store::StoreError;
use crate::user::{self, Account, Draft, Status, User};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use wire::UserId;

/// A user to be brought in.
#[derive(Debug)]
pub struct Row {
    /// What it is to be. A password of its own is not looked at.
    pub draft: Draft,
    /// The hash of its password, made elsewhere; without one it cannot sign in by password.
    pub password: Option<PasswordHash>,
    /// Whether it may sign in.
    pub status: Status,
    /// Ids or names of roles.
    pub roles: Vec<String>,
    /// Ids or names of groups.
    pub groups: Vec<String>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The user is there from now on, or would be.
    Added(UserId),
    /// The user was there, and says the same.
    Unchanged(UserId),
    /// Nothing was done.
    Refused(Refusal),
}

/// Why a row was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A row before it has the same name.
    #[error("a row before it has the same name")]
    Twice,
    /// Somebody has the name: a user of another org, or one that came in between.
    #[error("the name is taken")]
    Taken,
    /// The org has a user with this name who is somebody else in these fields.
    #[error("there is a user with this name, with another {}", .0.join(", "))]
    Differs(Vec<&'static str>),
    /// The org has no role of this name.
    #[error("there is no role {0}")]
    UnknownRole(String),
    /// The org has no group of this name.
    #[error("there is no group {0}")]
    UnknownGroup(String),
    /// The role or group allows what whoever imports may not do.
    #[error("{0} allows what you may not do yourself")]
    NotYours(String),
}

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is; the outcomes are those that there would be.
    DryRun,
    /// What is not refused.
    Write,
}

/// Brings in a batch of users, and says of each row, in their order, what became of it.
pub async fn batch(
    cx: &Cx,
    caller: &Caller,
    permit: &Permit<action::ManageUsers>,
    rows: Vec<Row>,
    mode: Mode,
) -> Result<Vec<Outcome>, StoreError> {
    let mut batch = Batch { cx, caller, permit, author: author(cx, permit).await?, known: Known::default() };
    let (mut outcomes, mut new, mut names) = (Vec::new(), Vec::new(), HashSet::new());
    for row in rows {
        if !names.insert(row.draft.name.canonical()) {
            outcomes.push(Outcome::Refused(Refusal::Twice));
            continue;
        }
        outcomes.push(match batch.judge(row).await? {
            Judged::Known(outcome) => outcome,
            Judged::New(account) => {
                let id = account.user.id;
                new.push((outcomes.len(), *account));
                Outcome::Added(id)
            }
        });
    }
    if mode == Mode::Write {
        batch.write(new, &mut outcomes).await?;
    }
    Ok(outcomes)
}

/// A batch under way, with the roles and groups that it has met.
struct Batch<'a> {
    cx: &'a Cx,
    caller: &'a Caller,
    permit: &'a Permit<action::ManageUsers>,
    author: String,
    known: Known,
}

#[derive(Default)]
struct Known {
    roles: HashMap<String, Result<AnyRole, Refusal>>,
    groups: HashMap<String, Result<Arc<Group>, Refusal>>,
}

enum Judged {
    Known(Outcome),
    New(Box<Account>),
}

impl Batch<'_> {
    async fn judge(&mut self, row: Row) -> Result<Judged, StoreError> {
        let refused = |refusal| Ok(Judged::Known(Outcome::Refused(refusal)));
        let (mut roles, mut groups) = (Vec::new(), Vec::new());
        for word in &row.roles {
            match self.role(word).await? {
                Ok(role) if roles.contains(&role) => {}
                Ok(role) => roles.push(role),
                Err(refusal) => return refused(refusal),
            }
        }
        for word in &row.groups {
            match self.group(word).await? {
                Ok(group) if groups.iter().any(|known: &Arc<Group>| known.id == group.id) => {}
                Ok(group) => groups.push(group),
                Err(refusal) => return refused(refusal),
            }
        }
        let there = self.cx.store.account(&row.draft.name.canonical()).await?;
        let (org, author) = (self.permit.org(), self.author.clone());
        let mut user = user::made(self.cx, org, author, row.draft, role::apart(roles));
        (user.status, user.grants.groups) = (row.status, groups);
        Ok(match there.map(|account| account.user) {
            None => Judged::New(Box::new(Account { user, password: row.password })),
            Some(there) if there.org != user.org => Judged::Known(Outcome::Refused(Refusal::Taken)),
            Some(there) => Judged::Known(match differences(&there, &user) {
                fields if fields.is_empty() => Outcome::Unchanged(there.id),
                fields => Outcome::Refused(Refusal::Differs(fields)),
            }),
        })
    }

    /// Nobody gives what they do not have; of a batch each role is asked about once.
    async fn role(&mut self, word: &str) -> Result<Result<AnyRole, Refusal>, StoreError> {
        if let Some(known) = self.known.roles.get(word) {
            return Ok(known.clone());
        }
        let words = [word.to_owned()];
        let found = access::grantable(self.cx, self.caller, self.permit.org(), &words).await;
        let unknown = || Refusal::UnknownRole(word.to_owned());
        let found = match found {
            Ok(roles) => roles.into_roles().pop().ok_or_else(unknown),
            Err(NoPermit::Denied) => Err(Refusal::NotYours(word.to_owned())),
            Err(NoPermit::Unknown) => Err(unknown()),
            Err(NoPermit::Store(error)) => return Err(error),
        };
        self.known.roles.insert(word.to_owned(), found.clone());
        Ok(found)
    }

    async fn group(&mut self, word: &str) -> Result<Result<Arc<Group>, Refusal>, StoreError> {
        if let Some(known) = self.known.groups.get(word) {
            return Ok(known.clone());
        }
        let words = [word.to_owned()];
        let found = access::joinable(self.cx, self.caller, self.permit.org(), &words).await;
        let unknown = || Refusal::UnknownGroup(word.to_owned());
        let found = match found {
            Ok(groups) => groups.into_groups().pop().ok_or_else(unknown),
            Err(NoPermit::Denied) => Err(Refusal::NotYours(word.to_owned())),
            Err(NoPermit::Unknown) => Err(unknown()),
            Err(NoPermit::Store(error)) => return Err(error),
        };
        self.known.groups.insert(word.to_owned(), found.clone());
        Ok(found)
    }

    /// Writes all of them at once; when a name was taken meanwhile, one by one, to find out which.
    async fn write(&self, new: Vec<(usize, Account)>, outcomes: &mut [Outcome]) -> Result<(), StoreError> {
        let now = self.cx.clock.now();
        let event = |user: &User| user::written(user, self.permit.by(), Written::Added).at(now);
        let (places, accounts): (Vec<_>, Vec<_>) = new.into_iter().unzip();
        let entries: Vec<_> = accounts.iter().map(|account| event(&account.user)).collect();
        if accounts.is_empty() {
            return Ok(());
        }
        match self.cx.store.add_users(&accounts, &entries).await {
            Err(StoreError::Conflict) => {}
            done => return done,
        }
        for (place, account) in places.into_iter().zip(accounts) {
            let entries = [event(&account.user)];
            match self.cx.store.add_users(std::slice::from_ref(&account), &entries).await {
                Err(StoreError::Conflict) => {
                    let taken = outcomes.get_mut(place);
                    taken.into_iter().for_each(|it| *it = Outcome::Refused(Refusal::Taken));
                }
                done => done?,
            }
        }
        Ok(())
    }
}

/// The fields in which two users differ. What changes by signing in is not compared: the password, and whether another
/// one is due.
fn differences(there: &User, new: &User) -> Vec<&'static str> {
    let roles = |user: &User| user.own_roles().map(|role| role.id()).collect::<BTreeSet<_>>();
    let groups = |user: &User| user.group_names().map(|(_, id)| id).collect::<BTreeSet<_>>();
    let (one, other) = (&there.profile, &new.profile);
    let fields = [
        ("state", there.status == new.status),
        ("authentication", there.authenticator == new.authenticator),
        ("roles", roles(there) == roles(new)),
        ("groups", groups(there) == groups(new)),
        ("maxLoginAttempts", there.max_login_attempts == new.max_login_attempts),
        ("firstName", one.first_name() == other.first_name()),
        ("lastName", one.last_name() == other.last_name()),
        ("email", one.email() == other.email()),
        ("title", one.title() == other.title()),
        ("phone", one.phone() == other.phone()),
        ("timeZoneId", one.timezone() == other.timezone()),
        ("description", one.description() == other.description()),
    ];
    fields.into_iter().filter(|(_, same)| !same).map(|(field, _)| field).collect()
}
