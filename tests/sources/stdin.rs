use std::io::{self, Read};

use sekisho::coverage::SkipReason;
use sekisho::provenance::Provenance;
use sekisho::source::{SizeLimit, stdin};

use crate::support::Collected;

fn read(input: &mut dyn Read, bytes: u64) -> (Vec<u8>, Vec<(SkipReason, String)>) {
    let sink = Collected::default();
    stdin::read(input, SizeLimit { bytes, by_user: true }, &sink).unwrap();
    let (provenance, content) = sink.blobs.lock().unwrap().pop().unwrap();
    assert_eq!(provenance, Provenance::Stdin);
    assert_eq!(sink.blobs.lock().unwrap().len(), 0);
    (content, sink.skipped())
}

#[test]
fn reads_to_the_end_or_the_limit() {
    assert_eq!(read(&mut &b"some text"[..], 100), (b"some text".to_vec(), vec![]));
    assert_eq!(read(&mut &b"some text"[..], 9), (b"some text".to_vec(), vec![]));
    let (content, skipped) = read(&mut &b"some text"[..], 4);
    assert_eq!(content, b"some");
    assert_eq!(skipped, [(SkipReason::OverSizeLimit, "standard input: all after the first 4 bytes".to_owned())]);
    assert_eq!(read(&mut io::empty(), 4), (vec![], vec![]));
    assert_eq!(read(&mut io::repeat(b'x').take(3 << 20), 8 << 20).0.len(), 3 << 20);
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("pulled out"))
    }
}

#[test]
fn keeps_what_came_before_an_error() {
    let (content, skipped) = read(&mut b"start".chain(Broken), 100);
    assert_eq!(content, b"start");
    assert_eq!(skipped, [(SkipReason::Unreadable, "standard input: pulled out".to_owned())]);
    let sink = Collected::default();
    assert!(stdin::read(&mut Broken, SizeLimit::DEFAULT, &sink).is_err());
    assert!(sink.blobs.lock().unwrap().is_empty());
}
