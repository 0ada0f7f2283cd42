//! A bounded queue that serves by turns: orgs, within an org its networks, within a network the names that it tries.
//!
//! It knows no threads and no time. What it holds is bounded by the places that are given out, the number of flows
//! included: a flow is forgotten with its last place.

use domain::flow::Flow;
use domain::name::NameDigest;
use domain::network::Network;
use std::collections::{HashMap, VecDeque};
use wire::OrgId;

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// All places are taken.
    Full,
    /// The org, the network or the name has its share of them.
    Share,
}

/// Jobs that wait, and the places that are given out to jobs that wait or are still to come.
pub(super) struct FairQueue<Job> {
    all: Branch<Job>,
}

/// What shares with others of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Org(Option<OrgId>),
    Network(Network),
    Name(Option<NameDigest>),
}

fn path(flow: Flow) -> [Key; 3] {
    [Key::Org(flow.org), Key::Network(flow.network), Key::Name(flow.name)]
}

struct Branch<Job> {
    /// Places given out to whoever is below.
    held: usize,
    /// Jobs that wait below.
    waiting: usize,
    /// Jobs that wait here, where nothing is below.
    jobs: VecDeque<Job>,
    /// Who is below.
    below: HashMap<Key, Self>,
    /// Those of them for whom a job waits, in the order of their turns.
    turns: VecDeque<Key>,
}

impl<Job> Default for Branch<Job> {
    fn default() -> Self {
        Self { held: 0, waiting: 0, jobs: VecDeque::new(), below: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<Job> Default for FairQueue<Job> {
    fn default() -> Self {
        Self { all: Branch::default() }
    }
}

impl<Job> FairQueue<Job> {
    /// The places given out.
    pub(super) fn held(&self) -> usize {
        self.all.held
    }

    /// Takes one of so many places for a flow.
    ///
    /// Nobody holds more than is left free for others: an org at most half of the places, one network a third and one
    /// name a quarter, and less as others come. So there is room for whoever has none, and who is refused is refused
    /// at once.
    pub(super) fn take(&mut self, flow: Flow, places: usize) -> Result<(), NoPlace> {
        let mut free = places.saturating_sub(self.all.held);
        if free == 0 {
            return Err(NoPlace::Full);
        }
        let mut branch = Some(&self.all);
        for key in path(flow) {
            branch = branch.and_then(|branch| branch.below.get(&key));
            let held = branch.map_or(0, |branch| branch.held);
            if held >= free.max(1) {
                return Err(NoPlace::Share);
            }
            free = free.saturating_sub(held);
        }
        self.all.count(flow, |branch| branch.held += 1);
        Ok(())
    }

    /// Gives a place back.
    pub(super) fn give_back(&mut self, flow: Flow) {
        self.all.give_back(&path(flow));
    }

    /// Lets a job wait at the place of its flow.
    pub(super) fn push(&mut self, flow: Flow, job: Job) {
        self.all.push(&path(flow), job);
    }

    /// The job whose turn it is. Its place is still to be given back.
    pub(super) fn pop(&mut self) -> Option<Job> {
        self.all.pop()
    }
}

impl<Job> Branch<Job> {
    fn count(&mut self, flow: Flow, change: impl Fn(&mut Self)) {
        change(self);
        path(flow).into_iter().fold(self, |branch, key| {
            let below = branch.below.entry(key).or_default();
            change(below);
            below
        });
    }

    fn give_back(&mut self, path: &[Key]) {
        self.held = self.held.saturating_sub(1);
        let Some((key, rest)) = path.split_first() else { return };
        let Some(below) = self.below.get_mut(key) else { return };
        below.give_back(rest);
        if below.held == 0 {
            self.below.remove(key);
        }
    }

    fn push(&mut self, path: &[Key], job: Job) {
        self.waiting += 1;
        let Some((key, rest)) = path.split_first() else {
            self.jobs.push_back(job);
            return;
        };
        let below = self.below.entry(*key).or_default();
        if below.waiting == 0 {
            self.turns.push_back(*key);
        }
        below.push(rest, job);
    }

    fn pop(&mut self) -> Option<Job> {
        self.waiting = self.waiting.saturating_sub(1);
        let Some(key) = self.turns.pop_front() else { return self.jobs.pop_front() };
        let below = self.below.get_mut(&key)?;
        let job = below.pop();
        if below.waiting > 0 {
            self.turns.push_back(key);
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::name::CanonicalName;

    /// A flow of an org, an address and a name, each a small number.
    fn flow(org: u8, address: u8, name: u8) -> Flow {
        Flow {
            org: Some(OrgId::from_bits(org.into())),
            network: Network::of(Some(std::net::IpAddr::from([203, 0, 113, address]))),
            name: Some(CanonicalName::of(&name.to_string()).digest()),
        }
    }

    /// Waits as often as there is room, at most `times`; says how often there was.
    fn flood(queue: &mut FairQueue<u8>, flow: Flow, places: usize, times: usize) -> usize {
        let label = flow.org.map_or(0, |org| u8::try_from(org.bits()).unwrap());
        let taken = (0..times).take_while(|_| {
            let taken = queue.take(flow, places).is_ok();
            if taken {
                queue.push(flow, label);
            }
            taken
        });
        taken.count()
    }

    fn order(queue: &mut FairQueue<u8>) -> Vec<u8> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn orgs_take_turns_however_much_one_of_them_wants() {
        let mut queue = FairQueue::default();
        assert_eq!(flood(&mut queue, flow(1, 1, 1), 100, 10), 10);
        assert_eq!(flood(&mut queue, flow(2, 2, 2), 100, 3), 3);
        assert_eq!(order(&mut queue), [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn within_an_org_its_networks_take_turns_and_within_a_network_its_names() {
        let mut queue = FairQueue::default();
        let job = |queue: &mut FairQueue<&'static str>, flow, job| {
            queue.take(flow, 100).unwrap();
            queue.push(flow, job);
        };
        for _ in 0..3 {
            job(&mut queue, flow(1, 1, 1), "loud");
        }
        job(&mut queue, flow(1, 1, 2), "beside");
        job(&mut queue, flow(1, 2, 3), "elsewhere");
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, ["loud", "elsewhere", "beside", "loud", "loud"]);
    }

    #[test]
    fn one_name_gets_a_quarter_one_network_a_third_one_org_a_half_and_all_get_all() {
        let mut queue = FairQueue::default();
        assert_eq!(flood(&mut queue, flow(1, 1, 1), 240, 500), 60);
        let of_names: usize = (2..=200).map(|name| flood(&mut queue, flow(1, 1, name), 240, 1)).sum();
        assert_eq!(60 + of_names, 80);
        let of_networks: usize =
            (2..=200).map(|network| flood(&mut queue, flow(1, network, 1), 240, 1)).sum();
        assert_eq!(80 + of_networks, 120);
        assert_eq!(queue.take(flow(1, 250, 1), 240), Err(NoPlace::Share));
        let of_orgs: usize = (2..=200).map(|org| flood(&mut queue, flow(org, 1, 1), 240, 1)).sum();
        assert_eq!(120 + of_orgs, 240);
        assert_eq!(queue.take(flow(250, 1, 1), 240), Err(NoPlace::Full));
    }

    #[test]
    fn whoever_has_nothing_gets_a_place_while_there_is_one() {
        let mut queue = FairQueue::default();
        for org in 1..=3 {
            flood(&mut queue, flow(org, org, org), 8, 100);
        }
        assert!(queue.held() < 8, "{}", queue.held());
        assert_eq!(queue.take(flow(9, 9, 9), 8), Ok(()));
        assert_eq!(FairQueue::<u8>::default().take(flow(1, 1, 1), 1), Ok(()));
    }

    #[test]
    fn a_flow_is_forgotten_with_its_last_place() {
        let mut queue = FairQueue::default();
        for address in 0..=255 {
            queue.take(flow(1, address, address), 1_000).unwrap();
            queue.push(flow(1, address, address), address);
            assert_eq!(queue.pop(), Some(address));
            queue.give_back(flow(1, address, address));
        }
        assert_eq!((queue.held(), queue.all.below.len(), queue.all.turns.len()), (0, 0, 0));
    }
}
