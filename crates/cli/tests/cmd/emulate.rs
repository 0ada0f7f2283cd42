//! `latchkey emulate`: programs run against it as they are, and nothing of it is left when they end.

use crate::service::latchkey;
use std::path::Path;
use std::process::{Command, Output};

const SIGN_IN: &str = r#"curl -fsS https://dm-us.informaticacloud.com/identity-service/api/v1/Login \
  -d "{\"username\":\"$LATCHKEY_EMULATOR_USER\",\"password\":\"$LATCHKEY_EMULATOR_PASSWORD\"}" |
  sed -E 's/.*"sessionId":"([^"]+)".*/\1/'"#;

/// A shell script under `emulate`, with a folder of its own for what it writes.
fn run(options: &[&str], script: &str) -> (Output, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = emulate(folder.path(), options);
    command.args(["--", "bash", "-euo", "pipefail", "-c", script]);
    (command.output().expect("it can be run"), folder)
}

fn emulate(folder: &Path, options: &[&str]) -> Command {
    let mut command = latchkey();
    command.current_dir(folder).env("TMPDIR", folder).env("LATCHKEY_TOOL", env!("CARGO_BIN_EXE_latchkey"));
    command.env("LATCHKEY_STATE_DIR", folder).env("LATCHKEY_CONFIG_DIR", folder);
    command.arg("emulate").args(options);
    command
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_program_for_the_vendors_cloud_runs_as_it_is() {
    let half_an_hour_later = format!(
        r#"SESSION=$({SIGN_IN})
gate() {{ curl -s -o answer -w '%{{http_code}} ' https://use4.dm-us.informaticacloud.com/gate -H "icSessionId: $SESSION"; }}
gate
curl -fsS $LATCHKEY_EMULATOR_URL/_emulator/clock -d '{{"advance":"31m"}}' >answer
gate"#
    );
    let (output, folder) = run(&[], &half_an_hour_later);
    assert_eq!(out(&output), "200 401 ");
    let left: Vec<_> =
        folder.path().read_dir().expect("a folder").flatten().map(|it| it.file_name()).collect();
    assert_eq!(left, ["answer"], "of the emulator itself nothing is left");
}

#[test]
fn the_exit_code_and_the_output_are_those_of_the_program() {
    let (output, _folder) = run(&[], "echo out; echo err >&2; exit 7");
    let (told, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((output.status.code(), &*told, &*said), (Some(7), "out\n", "err\n"));
    let (killed, _folder) = run(&[], "kill -TERM $$");
    assert_eq!(killed.status.code(), Some(143));
}

#[test]
fn other_hosts_are_refused_and_other_addresses_too() {
    let (output, _folder) = run(&[], "curl -sS https://example.com 2>&1 || true");
    assert!(out(&output).contains("403"), "{output:?}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused = emulate(folder.path(), &["--listen", "0.0.0.0:0"]).output().expect("it can be run");
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&refused.stderr),
        "error: 0.0.0.0:0 is not an address of this machine alone\n\
         hint: name an address such as 127.0.0.1:0: its passwords are known to everybody\n"
    );
}

#[test]
fn a_script_is_begun_with_and_an_unknown_one_is_named() {
    let twice = "for i in 1 2 3 4; do curl -s -o answer -w '%{http_code} ' \
        https://dm-us.informaticacloud.com/saas/public/core/v3/login -d '{\"username\":\"plain\",\"password\":\"Emulated-1!\"}' || true; done";
    let (output, _folder) = run(&["--script", "flaky-login"], twice);
    assert_eq!(out(&output), "503 000 429 200 ");
    let (refused, _folder) = run(&["--script", "nonesuch"], "true");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("expire-mid-job"), "{refused:?}");
}

#[test]
fn its_tokens_are_good_for_verify_only_by_name() {
    let mint = format!(
        r#"SESSION=$({SIGN_IN})
curl -fsS "https://dm-us.informaticacloud.com/identity-service/api/v1/jwt/Token?client_id=idmc_api&nonce=1" \
  -H "IDS-SESSION-ID: $SESSION" | sed -E 's/.*"jwt_token":"([^"]+)".*/\1/' >token
keys=$LATCHKEY_EMULATOR_URL/identity-service/.well-known/jwks.json
"$LATCHKEY_TOOL" verify --url $LATCHKEY_EMULATOR_URL - <token 2>&1 || echo "code $?"
"$LATCHKEY_TOOL" verify --issuer https://emulator.latchkey.invalid/identity-service --jwks $keys - <token 2>&1 || echo "code $?"
"$LATCHKEY_TOOL" verify --emulator --url $LATCHKEY_EMULATOR_URL - <token | head -1 | cut -c1-14"#
    );
    let (output, _folder) = run(&[], &mint);
    let no = "error: the token is not good\n  caused by: an emulator signed it\n\
        hint: if you mean an emulator, say so with --emulator\ncode 1\n";
    assert_eq!(out(&output), format!("{no}{no}user     admin\n"));
}

#[test]
fn what_goes_on_can_be_watched() {
    let (output, _folder) = run(&["--watch"], SIGN_IN);
    let watched = String::from_utf8_lossy(&output.stderr);
    for part in ["POST", "dm-us.informaticacloud.com/identity-service/api/v1/Login", "200", "admin"] {
        assert!(watched.contains(part), "{part}: {watched}");
    }
    assert!(!watched.contains("Emulated-1!"));
}

#[test]
fn two_runs_with_one_seed_hand_out_the_same_session() {
    let session = || out(&run(&["--deterministic", "7"], SIGN_IN).0);
    assert_eq!(session(), session());
}

#[test]
fn a_job_behind_the_proxy_outlives_three_sessions() {
    let job = r#"export LATCHKEY_URL=https://dm-us.informaticacloud.com
export LATCHKEY_USERNAME=$LATCHKEY_EMULATOR_USER LATCHKEY_PASSWORD=$LATCHKEY_EMULATOR_PASSWORD
"$LATCHKEY_TOOL" exec -- bash -euc '
  for life in 1 2 3 4; do
    curl -s -o answer -w "%{http_code} " $IDMC_PROXY/session-service/api/v1/session/User
    curl -fsS $LATCHKEY_EMULATOR_URL/_emulator/clock -d "{\"advance\":\"31m\"}" >answer
  done'
curl -fsS "$LATCHKEY_EMULATOR_URL/_emulator/requests/count?path=/**/login&status=200"
curl -fsS "$LATCHKEY_EMULATOR_URL/_emulator/requests/count?path=/**/Login&status=200""#;
    let (output, _folder) = run(&[], job);
    let told = out(&output);
    assert!(told.starts_with("200 200 200 200 "), "{told}");
    assert!(told.contains(r#"{"count":4}"#), "a sign-in for each session: {told}");
}
