//! The groups of the org as SCIM resources (RFC 7643 section 4.2): found, added, changed and removed.

use super::matching::{self, Scope};
use super::users::{Change, Tagged};
use super::{Base, Expected, MOST_SEEN, Question, ScimError, View, Window, pinned, record, too_many};
use crate::access::{Grantable, Members, NoPermit, Over, Permit, Provisioner, action};
use crate::cx::Cx;
use crate::group::{self, Draft, Group};
use crate::name::{Label, NotALabel};
use crate::page::Page;
use aws_lc_rs::digest;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use wire::scim::filter::Filter;
use wire::scim::schema::GROUP;
use wire::scim::{List, Resource, ScimType};
use wire::{GroupId, UserId};

/// The most members that a group has here, and that one answer names.
const MOST_MEMBERS: usize = 10_000;

/// A group with the ids of its members.
struct Whole {
    group: Arc<Group>,
    members: Vec<UserId>,
}

/// The groups that a question is about.
pub async fn list(cx: &Cx, by: &Provisioner, base: Base<'_>, question: &Question) -> Result<List, ScimError> {
    let permit = by.permit(cx).await?;
    let Some(filter) = &question.filter else { return every_group(cx, &permit, base, question).await };
    matching::check(Scope::Of(&GROUP), filter)?;
    let mut finding = Finding { window: Window::new(question), base, filter, named: 0 };
    match candidates(cx, &permit, filter).await? {
        Some(groups) => finding.look_at(cx, groups).await?,
        None => {
            let mut seen = 0;
            loop {
                let groups = cx.store.groups(permit.org(), Page::new(Page::MOST, seen)).await?;
                let is_last = groups.len() < Page::MOST as usize;
                finding.look_at(cx, groups).await?;
                if is_last {
                    break;
                }
                seen += Page::MOST;
                if seen >= MOST_SEEN {
                    return Err(too_many(
                        "the org has too many groups for this filter: ask by displayName, externalId or id",
                    ));
                }
            }
        }
    }
    Ok(finding.window.list())
}

/// The groups that were found so far.
struct Finding<'a> {
    window: Window<'a>,
    base: Base<'a>,
    filter: &'a Filter,
    named: usize,
}

impl Finding<'_> {
    async fn look_at(&mut self, cx: &Cx, groups: Vec<Arc<Group>>) -> Result<(), ScimError> {
        for group in groups {
            let whole = Whole::read(cx, group).await?;
            let resource = whole.shown(self.base, true)?;
            if matching::meets(Scope::Of(&GROUP), self.filter, &resource) {
                let resource = whole.counted(self.base, &self.window.question.view, &mut self.named)?;
                self.window.add(&GROUP, resource);
            }
        }
        Ok(())
    }
}

async fn every_group(
    cx: &Cx,
    permit: &Permit<action::ViewPeople>,
    base: Base<'_>,
    question: &Question,
) -> Result<List, ScimError> {
    let total = cx.store.count_groups(permit.org()).await?;
    let (mut resources, mut named) = (Vec::new(), 0);
    for group in cx.store.groups(permit.org(), Page::new(question.count, question.skip())).await? {
        let resource = Whole::read(cx, group).await?.counted(base, &question.view, &mut named)?;
        resources.push(question.view.of(&GROUP, resource));
    }
    Ok(List::new(resources, question.start, total))
}

/// The few groups that can meet a filter, where an index knows them.
async fn candidates(
    cx: &Cx,
    permit: &Permit<action::ViewPeople>,
    filter: &Filter,
) -> Result<Option<Vec<Arc<Group>>>, ScimError> {
    let ours = |group: Option<Arc<Group>>| group.filter(|group| group.org == permit.org());
    if let Some(id) = pinned(filter, &GROUP, "id") {
        let Ok(id) = id.parse() else { return Ok(Some(Vec::new())) };
        return Ok(Some(ours(cx.store.group(id).await?).into_iter().collect()));
    }
    if let Some(name) = pinned(filter, &GROUP, "displayName") {
        let Ok(name) = name.parse::<Label>() else { return Ok(Some(Vec::new())) };
        let found = cx.store.group_named(permit.org(), &name.canonical()).await?;
        return Ok(Some(found.into_iter().collect()));
    }
    let Some(external) = pinned(filter, &GROUP, "externalId") else { return Ok(None) };
    let mut groups = Vec::new();
    for id in cx.store.groups_with_external_id(permit.org(), external).await? {
        groups.extend(cx.store.group(id).await?);
    }
    Ok(Some(groups))
}

/// The group with this id.
pub async fn find(
    cx: &Cx,
    by: &Provisioner,
    base: Base<'_>,
    id: &str,
    view: &View,
) -> Result<Tagged, ScimError> {
    let permit: Permit<action::ViewPeople> = by.permit(cx).await?;
    let group = cx.store.group(known(id)?).await?.filter(|group| group.org == permit.org());
    Whole::read(cx, group.ok_or(ScimError::Unknown)?).await?.tagged(base, view)
}

/// Adds a group. It has no roles: what its members may do is decided elsewhere.
pub async fn add(
    cx: &Cx,
    by: &Provisioner,
    base: Base<'_>,
    body: Resource,
    view: &View,
) -> Result<Tagged, ScimError> {
    let permit = by.permit(cx).await?;
    let Said { name, external_id, members } = Said::of(&record::read(&GROUP, body)?)?;
    let members = joining(cx, by, &members).await?;
    let draft = Draft { name, description: String::new(), roles: Grantable::default(), members };
    let group = group::add_as(cx, permit, draft, external_id).await?;
    Whole::read(cx, group).await?.tagged(base, view)
}

/// Changes a group; who leaves it loses what they were by it with their next call.
pub async fn change(
    cx: &Cx,
    by: &Provisioner,
    base: Base<'_>,
    (id, expected): (&str, &Expected),
    change: &Change,
) -> Result<(), ScimError> {
    let id = known(id)?;
    for tries in 1.. {
        let over = by.over_group(cx, id).await?;
        let old = Whole::read(cx, Arc::clone(over.thing())).await?;
        expected.check(&old.version())?;
        let said = Said::of(&change.of(&GROUP, old.shown(base, true)?)?)?;
        match write(cx, by, over, &old.members, said).await {
            Ok(()) => return Ok(()),
            Err(ScimError::Contended) => {
                if let Some(error) = expected.met(tries) {
                    return Err(error);
                }
            }
            Err(other) => return Err(other),
        }
    }
    Err(ScimError::Contended)
}

async fn write(
    cx: &Cx,
    by: &Provisioner,
    over: Over<action::ManageGroups, Group>,
    old: &[UserId],
    said: Said,
) -> Result<(), ScimError> {
    let Said { name, external_id, members } = said;
    let (before, after): (HashSet<_>, HashSet<_>) = (old.iter().collect(), members.iter().collect());
    let new: Vec<_> = members.iter().filter(|id| !before.contains(id)).copied().collect();
    let leaving: Vec<_> = old.iter().filter(|id| !after.contains(id)).copied().collect();
    let is_same = over.thing().name == name && over.thing().external_id == external_id;
    if is_same && new.is_empty() && leaving.is_empty() {
        return Ok(());
    }
    let joining = joining(cx, by, &new).await?;
    group::regroup(cx, over, (name, external_id), joining, &leaving).await?;
    Ok(())
}

/// The same answer for who is nobody and for who is somebody elsewhere.
async fn joining(cx: &Cx, by: &Provisioner, ids: &[UserId]) -> Result<Members, ScimError> {
    by.members(cx, ids).await.map_err(|error| match error {
        NoPermit::Unknown => ScimError::asked(ScimType::InvalidValue, "a member is no user of this org"),
        other @ (NoPermit::Denied | NoPermit::Store(_)) => other.into(),
    })
}

/// Removes a group.
pub async fn remove(cx: &Cx, by: &Provisioner, id: &str, expected: &Expected) -> Result<(), ScimError> {
    let over = by.over_group(cx, known(id)?).await?;
    if *expected != Expected::Any {
        expected.check(&Whole::read(cx, Arc::clone(over.thing())).await?.version())?;
    }
    Ok(group::remove(cx, over).await?)
}

/// What is no id names nothing.
fn known(id: &str) -> Result<GroupId, NoPermit> {
    id.parse().map_err(|_| NoPermit::Unknown)
}

impl Whole {
    async fn read(cx: &Cx, group: Arc<Group>) -> Result<Self, ScimError> {
        let members = cx.store.member_ids(group.id, MOST_MEMBERS as u32 + 1).await?;
        Ok(Self { group, members })
    }

    /// The entity tag: the number of the writing, and who is in the group, since users leave by other ways too.
    fn version(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        self.members.iter().for_each(|id| context.update(&id.bits().to_be_bytes()));
        let digest = context.finish();
        let start = digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}"));
        format!("W/\"{}-{}\"", self.group.revision.number, start.collect::<String>())
    }

    fn tagged(&self, base: Base<'_>, view: &View) -> Result<Tagged, ScimError> {
        let resource = self.counted(base, view, &mut 0)?;
        Ok((view.of(&GROUP, resource), self.version()))
    }

    /// The group as it is shown, while all groups of an answer name no more members than they may.
    fn counted(&self, base: Base<'_>, view: &View, named: &mut usize) -> Result<Resource, ScimError> {
        let shows_members = GROUP.attribute("members").is_some_and(|members| view.shows(members));
        if shows_members {
            *named += self.members.len();
        }
        if *named > MOST_MEMBERS {
            return Err(too_many(
                "more than 10000 members in one answer: leave them out with excludedAttributes",
            ));
        }
        self.shown(base, shows_members)
    }

    fn shown(&self, base: Base<'_>, with_members: bool) -> Result<Resource, ScimError> {
        let Self { group, members } = self;
        if with_members && members.len() > MOST_MEMBERS {
            return Err(too_many("a group has more than 10000 members"));
        }
        let id = group.id.base62();
        let member = |id: &UserId| {
            let id = id.base62();
            json!({"value": id, "$ref": format!("{base}/Users/{id}"), "type": "User"})
        };
        let shown: Vec<Value> = members.iter().filter(|_| with_members).map(member).collect();
        let meta = json!({
            "resourceType": "Group",
            "created": group.created_at.rfc3339(),
            "lastModified": group.updated_at.rfc3339(),
            "location": format!("{base}/Groups/{id}"),
            "version": self.version(),
        });
        let all = [
            ("schemas", json!([GROUP.id])),
            ("id", json!(id)),
            ("externalId", json!(group.external_id)),
            ("displayName", json!(group.name.as_str())),
            ("members", if shown.is_empty() { Value::Null } else { shown.into() }),
            ("meta", meta),
        ];
        Ok(all.into_iter().filter(|(_, it)| !it.is_null()).map(|(name, it)| (name.to_owned(), it)).collect())
    }
}

/// What a client says about a group.
struct Said {
    name: Label,
    external_id: Option<String>,
    members: Vec<UserId>,
}

impl Said {
    fn of(resource: &Resource) -> Result<Self, ScimError> {
        let wrong = |what: String| ScimError::asked(ScimType::InvalidValue, what);
        let text = |name: &str| resource.get(name).and_then(Value::as_str);
        let name = text("displayName").ok_or_else(|| wrong("displayName is missing".to_owned()))?;
        let members =
            resource.get("members").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if members.len() > MOST_MEMBERS {
            return Err(too_many("a group has at most 10000 members here"));
        }
        let id = |member: &Value| member.get("value").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let members: Option<Vec<UserId>> = members.iter().map(id).collect();
        let mut known = HashSet::new();
        let mut members = members.ok_or_else(|| wrong("a member is no user of this org".to_owned()))?;
        members.retain(|id| known.insert(*id));
        Ok(Self {
            name: name.parse().map_err(|error: NotALabel| wrong(error.to_string()))?,
            external_id: text("externalId").map(str::to_owned),
            members,
        })
    }
}
