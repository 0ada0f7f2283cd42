# Everything that CI runs.
test:
    scripts/test

# The service beside the limits of this machine.
bench *arguments:
    scripts/bench {{arguments}}

# A thousand kills; `LATCHKEY_CRASH_SEED` repeats a run.
crash rounds="1000":
    LATCHKEY_CRASH_ROUNDS={{rounds}} cargo test --locked -p latchkey --test cmd -- --nocapture crash

# What strangers hand in, bent for as many seconds as you say: saml, logout, jwt or scim; needs nightly and cargo-fuzz.
fuzz target seconds="60":
    scripts/fuzz {{target}} {{seconds}}

# Every documented request, bent in every way.
fuzz-api *arguments:
    scripts/fuzz-api {{arguments}}

# The pages for people, in a headless Chromium.
browser:
    scripts/browser

# The documentation of the source, private items too.
docs:
    cargo doc --workspace --locked --no-deps --document-private-items
