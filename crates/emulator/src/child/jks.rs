//! A trust store for Java in its oldest format, which every version reads and which needs no ciphers.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

/// The customary password; Java asks for none to trust what the store holds.
const PASSWORD: &str = "changeit";

/// What the format mixes into its digest.
const SALT: &[u8] = b"Mighty Aphrodite";

/// A store that trusts these certificates, in binary.
pub(super) fn of_trusted(certificates: &[Vec<u8>]) -> Vec<u8> {
    let mut store = Vec::new();
    // The mark of the format and its second version.
    store.extend(0xfeed_feed_u32.to_be_bytes());
    store.extend(2_u32.to_be_bytes());
    store.extend(length(certificates));
    for (number, certificate) in certificates.iter().enumerate() {
        // An entry that is trusted, and the time of its making, which nobody judges.
        store.extend(2_u32.to_be_bytes());
        text(&mut store, &format!("latchkey-{number}"));
        store.extend(0_u64.to_be_bytes());
        text(&mut store, "X.509");
        store.extend(length(certificate));
        store.extend(certificate);
    }
    let digest = digest(&store);
    store.extend(digest);
    store
}

fn length<T>(of: &[T]) -> [u8; 4] {
    u32::try_from(of.len()).unwrap_or(u32::MAX).to_be_bytes()
}

fn text(store: &mut Vec<u8>, text: &str) {
    store.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    store.extend(text.as_bytes());
}

fn digest(store: &[u8]) -> Vec<u8> {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for unit in PASSWORD.encode_utf16() {
        context.update(&unit.to_be_bytes());
    }
    context.update(SALT);
    context.update(store);
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_laid_out_as_java_reads_it() {
        let store = of_trusted(&[vec![1, 2, 3]]);
        let (data, digest) = store.split_at(store.len() - 20);
        let expected = b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x01\0\0\0\x02\0\x0alatchkey-0\0\0\0\0\0\0\0\0\0\x05X.509\0\0\0\x03\x01\x02\x03";
        assert_eq!(data, expected);
        assert_eq!(digest, super::digest(data));
    }
}
