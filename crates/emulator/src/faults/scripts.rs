//! Situations that programs meet in the vendor's cloud, each a list of faults under one name.

use super::reading::BadField;
use super::rule::Rule;
use serde_json::{Map, Value};

/// A situation with a name; `docs/guide/emulator/` has a page about each.
#[derive(Debug, PartialEq, Eq)]
pub struct Script {
    /// What it is asked for by.
    pub name: &'static str,
    /// What happens, in one line.
    pub about: &'static str,
    /// Its faults, as anybody would write them.
    pub faults: &'static str,
}

impl Script {
    /// The script of this name.
    pub fn named(name: &str) -> Result<&'static Self, BadField> {
        let found = Self::ALL.iter().find(|script| script.name == name);
        found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|script| script.name).collect();
            BadField::new("script", format!("there is no script {name:?}; there are {}", names.join(", ")))
        })
    }

    /// Its faults, each with the name of the script, so that they are removed together.
    pub fn rules(&self) -> Result<Vec<Rule>, BadField> {
        let faults: Vec<Map<String, Value>> =
            serde_json::from_str(self.faults).map_err(|error| BadField::new(self.name, error.to_string()))?;
        faults.into_iter().map(|fault| Rule::read(self.signed(fault))).collect()
    }

    fn signed(&self, fault: Map<String, Value>) -> Map<String, Value> {
        [("name".to_owned(), Value::from(self.name))].into_iter().chain(fault).collect()
    }

    /// Every script, the ones that find most first.
    pub const ALL: &'static [Self] = &[
        Self {
            name: "expire-mid-job",
            about: "every fourth call finds that its session has ended",
            faults: r#"[{"kind": "call", "every": 4, "effect": "end_session"}]"#,
        },
        Self {
            name: "expired-403",
            about: "every fourth call finds that its session has ended, and is told so with 403",
            faults: r#"[{"kind": "call", "every": 4, "effect": {"end_session": 403}}]"#,
        },
        Self {
            name: "denied-403",
            about: "every third call is refused with 403 although the session is good",
            faults: r#"[{"kind": "call", "every": 3, "effect": {"status": 403}}]"#,
        },
        Self {
            name: "flaky-login",
            about: "the first three sign-ins fail, each in another way",
            faults: r#"[
  {"kind": "sign-in", "nth": 1, "effect": {"status": 503}},
  {"kind": "sign-in", "nth": 2, "effect": "close"},
  {"kind": "sign-in", "nth": 3, "effect": {"status": 429, "retry_after": "1s"}}
]"#,
        },
        Self {
            name: "locked-account",
            about: "for half an hour every sign-in is told that the account is locked",
            faults: r#"[{"kind": "sign-in", "for": "30m", "effect": "lock"}]"#,
        },
        Self {
            name: "expired-password",
            about: "every sign-in is told that the password has expired",
            faults: r#"[{"kind": "sign-in", "effect": "expire_password"}]"#,
        },
        Self {
            name: "maintenance",
            about: "for ten minutes everything answers 503 with a page of HTML",
            faults: r#"[
  {"path": "/healthz", "effect": "pass"},
  {"path": "/readyz", "effect": "pass"},
  {"for": "10m", "effect": {"html": 503, "retry_after": "5s"}}
]"#,
        },
        Self {
            name: "rate-limited",
            about: "every third call is one too many, and only every second refusal says when to come back",
            faults: r#"[
  {"kind": "call", "every": 6, "effect": {"status": 429}},
  {"kind": "call", "every": 3, "effect": {"status": 429, "retry_after": "1s"}}
]"#,
        },
        Self {
            name: "html-instead-of-json",
            about: "the first sign-in and every fourth call are answered 200 with a login page",
            faults: r#"[
  {"kind": "sign-in", "nth": 1, "effect": "html"},
  {"kind": "call", "every": 4, "effect": "html"}
]"#,
        },
        Self {
            name: "cut-off",
            about: "every third call is answered by half, and every fifth not at all",
            faults: r#"[
  {"kind": "call", "every": 3, "effect": "truncate"},
  {"kind": "call", "every": 5, "effect": "close"}
]"#,
        },
        Self {
            name: "slow",
            about: "every answer is late, and every fifth is later than most programs wait",
            faults: r#"[
  {"every": 5, "effect": {"latency": "10s"}},
  {"effect": {"latency": "500ms"}}
]"#,
        },
        Self {
            name: "pod-moved",
            about: "sign-ins name another pod, and the old one answers 404",
            faults: r#"[
  {"kind": "sign-in", "effect": {"move_pod": "usw5"}},
  {"path": "/identity-service/api/v1/CurrentUserInfo", "effect": {"move_pod": "usw5"}},
  {"host": "usw5.*", "effect": "pass"},
  {"host": "usw5-*", "effect": "pass"},
  {"host": "*-api.*", "effect": "pass"},
  {"host": "*.*.informaticacloud.com", "effect": {"status": 404}}
]"#,
        },
        Self {
            name: "key-rotation",
            about: "every second token is signed with a key that nobody has seen yet",
            faults: r#"[{"kind": "token", "every": 2, "effect": "rotate_keys"}]"#,
        },
        Self {
            name: "skewed-clock",
            about: "the hosts that do the work are two minutes ahead of the one that signs in",
            faults: r#"[{"kind": "call", "effect": {"skew": "2m"}}]"#,
        },
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::{Asked, Front};
    use crate::faults::testing::{Dice, asked};
    use crate::faults::{Cut, Effect, Faults};
    use domain::time::{Timestamp, minutes};
    use std::collections::BTreeSet;
    use std::path::Path;

    const NOW: Timestamp = Timestamp::from_seconds(1_787_395_152);

    fn started(name: &str) -> Faults {
        let faults = Faults::default();
        faults.add_all(Script::named(name).unwrap().rules().unwrap(), NOW).unwrap();
        faults
    }

    fn call(path: &str) -> Asked {
        let mut call = asked("GET", path);
        call.headers.insert("icsessionid", "x".parse().unwrap());
        call
    }

    fn sign_in() -> Asked {
        asked("POST", "/saas/public/core/v3/login")
    }

    /// What happens to each of some requests, in one word.
    fn told(faults: &Faults, requests: &[Asked]) -> Vec<String> {
        let fire = |asked: &Asked| faults.fire(asked, NOW, &Dice::default()).map(|fired| fired.effect);
        let word = |effect| match effect {
            Some(Effect::Status(refusal)) => refusal.status.unwrap().as_str().to_owned(),
            Some(Effect::Html(page)) => format!("html {}", page.status.as_str()),
            Some(Effect::Latency(time)) => format!("{time:?}"),
            Some(Effect::Truncate(Cut::Half)) => "half".into(),
            Some(other) => format!("{other:?}"),
            None => "ok".into(),
        };
        requests.iter().map(|asked| word(fire(asked))).collect()
    }

    #[test]
    fn every_script_has_a_page_and_every_page_a_script() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/emulator");
        let pages =
            std::fs::read_dir(&folder).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap());
        let pages: BTreeSet<_> = pages
            .filter(|page| !["README.md", "faults.md", "programs.md", "stubs.md"].contains(&page.as_str()))
            .collect();
        let scripts: BTreeSet<_> = Script::ALL.iter().map(|script| format!("{}.md", script.name)).collect();
        assert_eq!(pages, scripts);
        let list = std::fs::read_to_string(folder.join("README.md")).unwrap();
        for script in Script::ALL {
            let page = std::fs::read_to_string(folder.join(format!("{}.md", script.name))).unwrap();
            for part in [
                format!("# {}\n", script.name),
                format!("```json\n{}\n```", script.faults),
                format!("latchkey emulate --script {} -- ", script.name),
                format!("-d '{{\"script\":\"{}\"}}'", script.name),
            ] {
                assert!(page.contains(&part), "the page about {} does not hold {part:?}", script.name);
            }
            let line = format!("[{0}]({0}.md): {1}", script.name, script.about);
            assert!(list.contains(&line), "README.md does not hold {line:?}");
        }
    }

    #[test]
    fn every_script_can_be_started_and_ended_by_its_name() {
        for script in Script::ALL {
            let faults = started(script.name);
            assert_eq!(faults.remove(script.name), script.rules().unwrap().len(), "{}", script.name);
        }
    }

    #[test]
    fn a_job_loses_its_session_again_and_again() {
        let calls = vec![call("/saas/api/v2/job"); 8];
        let ends = "EndSession(None)";
        assert_eq!(
            told(&started("expire-mid-job"), &calls),
            ["ok", "ok", "ok", ends, "ok", "ok", "ok", ends]
        );
        assert_eq!(told(&started("expire-mid-job"), &vec![sign_in(); 8]), ["ok"; 8], "signing in is no call");
        assert!(
            told(&started("expired-403"), &calls)[3]
                .starts_with("EndSession(Some(Refusal { status: Some(403)")
        );
        assert_eq!(told(&started("denied-403"), &calls[..3]), ["ok", "ok", "403"]);
    }

    #[test]
    fn a_sign_in_fails_in_three_ways() {
        assert_eq!(told(&started("flaky-login"), &vec![sign_in(); 5]), ["503", "Close", "429", "ok", "ok"]);
        assert_eq!(told(&started("locked-account"), &[sign_in(), call("/x")]), ["Lock", "ok"]);
        assert_eq!(told(&started("expired-password"), &[sign_in(), call("/x")]), ["ExpirePassword", "ok"]);
    }

    #[test]
    fn maintenance_leaves_health_alone_and_ends() {
        let faults = started("maintenance");
        let some = [asked("GET", "/healthz"), asked("GET", "/readyz"), sign_in(), call("/saas/x")];
        assert_eq!(told(&faults, &some), ["ok", "ok", "html 503", "html 503"]);
        assert_eq!(faults.fire(&sign_in(), NOW + minutes(10), &Dice::default()), None);
    }

    #[test]
    fn calls_go_wrong_in_turn() {
        let calls = vec![call("/saas/api/v2/job"); 6];
        assert_eq!(told(&started("rate-limited"), &calls), ["ok", "ok", "429", "ok", "ok", "429"]);
        assert_eq!(told(&started("cut-off"), &calls), ["ok", "ok", "half", "ok", "Close", "half"]);
        assert_eq!(told(&started("slow"), &calls), ["500ms", "500ms", "500ms", "500ms", "10s", "500ms"]);
        let html = told(&started("html-instead-of-json"), &[&[sign_in(), sign_in()], &calls[..4]].concat());
        assert_eq!(html, ["html 200", "ok", "ok", "ok", "ok", "html 200"]);
    }

    #[test]
    fn the_old_pod_is_gone_and_the_new_one_is_there() {
        let at = |host: &str| Asked { front: Front::Vendor(host.into()), ..call("/saas/api/v2/job") };
        let hosts = [
            "use4.dm-us.informaticacloud.com",
            "use4-mdm.dm-us.informaticacloud.com",
            "usw5.dm-us.informaticacloud.com",
            "usw5-mdm.dm-us.informaticacloud.com",
            "idmc-api.dm-us.informaticacloud.com",
            "dm-us.informaticacloud.com",
        ];
        assert_eq!(told(&started("pod-moved"), &hosts.map(at)), ["404", "404", "ok", "ok", "ok", "ok"]);
        assert!(told(&started("pod-moved"), &[sign_in()])[0].starts_with("MovePod"));
    }

    #[test]
    fn keys_and_clocks_move() {
        let tokens = vec![asked("POST", "/identity-service/api/v1/jwt/Token"); 3];
        assert_eq!(told(&started("key-rotation"), &tokens), ["ok", "RotateKeys", "ok"]);
        assert_eq!(told(&started("skewed-clock"), &[call("/x"), sign_in()]), ["Skew(2m)", "ok"]);
    }
}
