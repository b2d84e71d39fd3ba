//! Packs and indexes written by hand, so that both can lie, and a bare repository to put them in.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gix::ObjectId;
use gix::objs::Kind;

/// Type numbers of pack entries.
pub const COMMIT: u8 = 1;
pub const TREE: u8 = 2;
pub const BLOB: u8 = 3;
pub const OFS_DELTA: u8 = 6;
pub const REF_DELTA: u8 = 7;

/// The id of a blob.
pub fn blob_id(data: &[u8]) -> ObjectId {
    id(Kind::Blob, data)
}

fn id(kind: Kind, data: &[u8]) -> ObjectId {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, data).unwrap()
}

/// An id that belongs to nothing.
pub fn made_up(number: u32) -> ObjectId {
    blob_id(format!("no such object {number}").as_bytes())
}

pub fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// One instruction of a delta.
#[derive(Clone)]
pub enum Step<'a> {
    Copy(usize, usize),
    Insert(&'a [u8]),
}

/// A delta with these declared sizes.
pub fn delta(base: u64, result: u64, steps: &[Step<'_>]) -> Vec<u8> {
    let mut delta = Vec::new();
    for size in [base, result] {
        varint(size, &mut delta);
    }
    for step in steps {
        match *step {
            Step::Copy(from, len) => copy(from, len, &mut delta),
            Step::Insert(text) => text.chunks(127).for_each(|chunk| {
                delta.push(chunk.len() as u8);
                delta.extend(chunk);
            }),
        }
    }
    delta
}

fn varint(mut size: u64, out: &mut Vec<u8>) {
    while size >= 0x80 {
        out.push(size as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
}

fn copy(mut from: usize, mut len: usize, delta: &mut Vec<u8>) {
    while len > 0 {
        let now = len.min(0xff_ffff);
        let at = delta.len();
        delta.push(0x80);
        for (bit, byte) in from.to_le_bytes()[..4].iter().chain(&now.to_le_bytes()[..3]).enumerate() {
            if *byte != 0 {
                delta[at] |= 1 << bit;
                delta.push(*byte);
            }
        }
        (from, len) = (from + now, len - now);
    }
}

/// What the steps make of a base.
pub fn applied(base: &[u8], steps: &[Step<'_>]) -> Vec<u8> {
    let runs = steps.iter().map(|step| match *step {
        Step::Copy(from, len) => &base[from..from + len],
        Step::Insert(text) => text,
    });
    runs.collect::<Vec<_>>().concat()
}

/// A row of an index.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub id: ObjectId,
    pub offset: u64,
    pub crc: u32,
}

/// A pack in the making.
pub struct Pack {
    pub bytes: Vec<u8>,
    pub rows: Vec<Row>,
    /// How the objects are listed: `false` leaves them as they are in `rows`.
    pub sorted: bool,
    pub version: u32,
    /// Number of objects in the header, if it is to lie.
    pub count: Option<u32>,
}

impl Default for Pack {
    fn default() -> Self {
        Self { bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(), rows: Vec::new(), sorted: true, version: 2, count: None }
    }
}

impl Pack {
    /// Appends an entry as it is given, whatever that is; gives its offset.
    pub fn entry(&mut self, id: ObjectId, kind: u8, size: u64, base: &[u8], compressed: &[u8]) -> u64 {
        let offset = self.bytes.len();
        let mut rest = size >> 4;
        self.bytes.push(kind << 4 | (size & 15) as u8 | if rest > 0 { 0x80 } else { 0 });
        while rest > 0 {
            self.bytes.push((rest & 0x7f) as u8 | if rest >= 0x80 { 0x80 } else { 0 });
            rest >>= 7;
        }
        self.bytes.extend(base);
        self.bytes.extend(compressed);
        let crc = crc32fast::hash(&self.bytes[offset..]);
        self.rows.push(Row { id, offset: offset as u64, crc });
        offset as u64
    }

    pub fn blob(&mut self, data: &[u8]) -> ObjectId {
        self.object(Kind::Blob, data)
    }

    pub fn object(&mut self, kind: Kind, data: &[u8]) -> ObjectId {
        let number = match kind {
            Kind::Commit => COMMIT,
            Kind::Tree => TREE,
            Kind::Blob => BLOB,
            Kind::Tag => 4,
        };
        let id = id(kind, data);
        self.entry(id, number, data.len() as u64, &[], &zlib(data));
        id
    }

    /// A delta of the entry at `base`, under any name.
    pub fn ofs(&mut self, id: ObjectId, base: u64, delta: &[u8]) -> u64 {
        let distance = self.bytes.len() as u64 - base;
        self.entry(id, OFS_DELTA, delta.len() as u64, &distance_bytes(distance), &zlib(delta))
    }

    /// A delta of an object, under any name.
    pub fn by_id(&mut self, id: ObjectId, base: ObjectId, delta: &[u8]) -> u64 {
        self.entry(id, REF_DELTA, delta.len() as u64, base.as_bytes(), &zlib(delta))
    }

    /// A true delta of a blob.
    pub fn version(&mut self, base: &[u8], steps: &[Step<'_>]) -> Vec<u8> {
        let result = applied(base, steps);
        let offset = self.row(&blob_id(base)).offset;
        self.ofs(blob_id(&result), offset, &delta(base.len() as u64, result.len() as u64, steps));
        result
    }

    pub fn row(&mut self, id: &ObjectId) -> &mut Row {
        self.rows.iter_mut().find(|row| row.id == *id).expect("the object should be in the pack")
    }

    /// Writes pack and index as `pack-<name>` into a folder of packs; gives the path of the pack.
    pub fn write(mut self, folder: &Path, name: &str) -> PathBuf {
        let count = self.count.unwrap_or(self.rows.len() as u32);
        self.bytes[8..12].copy_from_slice(&count.to_be_bytes());
        let checksum = sha1(&self.bytes);
        self.bytes.extend(checksum.as_bytes());
        let path = folder.join(format!("pack-{name}.pack"));
        fs::create_dir_all(folder).unwrap();
        fs::write(&path, &self.bytes).unwrap();
        fs::write(path.with_extension("idx"), self.index(&checksum)).unwrap();
        path
    }

    fn index(&mut self, checksum: &ObjectId) -> Vec<u8> {
        if self.sorted {
            self.rows.sort_by_key(|row| (row.id, row.offset));
        }
        let mut index = if self.version == 2 { b"\xfftOc\0\0\0\x02".to_vec() } else { Vec::new() };
        for byte in 0..=255 {
            let upto = self.rows.iter().filter(|row| row.id.first_byte() <= byte).count() as u32;
            index.extend(upto.to_be_bytes());
        }
        if self.version == 1 {
            for row in &self.rows {
                index.extend(u32::try_from(row.offset).unwrap().to_be_bytes());
                index.extend(row.id.as_bytes());
            }
        } else {
            self.rows.iter().for_each(|row| index.extend(row.id.as_bytes()));
            self.rows.iter().for_each(|row| index.extend(row.crc.to_be_bytes()));
            let mut large = Vec::new();
            for row in &self.rows {
                let small = u32::try_from(row.offset).ok().filter(|&offset| offset < 1 << 31);
                index.extend(small.unwrap_or(1 << 31 | large.len() as u32).to_be_bytes());
                large.extend(small.is_none().then_some(row.offset));
            }
            index.extend(large.iter().flat_map(|offset| offset.to_be_bytes()));
        }
        index.extend(checksum.as_bytes());
        index.extend(sha1(&index).as_bytes());
        index
    }
}

/// How far back the base of a delta lies, as git writes it.
pub fn distance_bytes(mut distance: u64) -> Vec<u8> {
    let mut bytes = vec![(distance & 0x7f) as u8];
    while distance >= 0x80 {
        distance = (distance >> 7) - 1;
        bytes.insert(0, (distance & 0x7f) as u8 | 0x80);
    }
    bytes
}

fn sha1(bytes: &[u8]) -> ObjectId {
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(bytes);
    hasher.try_finalize().unwrap()
}

/// A bare repository without any program of git.
pub struct Repo {
    dir: tempfile::TempDir,
}

impl Repo {
    pub fn new() -> Self {
        let repo = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(repo.packs()).unwrap();
        fs::create_dir_all(repo.path().join("refs/heads")).unwrap();
        fs::write(repo.path().join("HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(repo.path().join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n").unwrap();
        repo
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn objects(&self) -> PathBuf {
        self.path().join("objects")
    }

    pub fn packs(&self) -> PathBuf {
        self.objects().join("pack")
    }

    pub fn loose(&self, kind: Kind, data: &[u8]) -> ObjectId {
        let id = id(kind, data);
        let mut whole = format!("{kind} {}\0", data.len()).into_bytes();
        whole.extend(data);
        let path = self.loose_path(&id);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, zlib(&whole)).unwrap();
        id
    }

    pub fn loose_path(&self, id: &ObjectId) -> PathBuf {
        let hex = id.to_string();
        self.objects().join(&hex[..2]).join(&hex[2..])
    }

    /// Points `main` to a commit that holds these blobs as `f0`, `f1` and so on.
    pub fn commit(&self, blobs: &[ObjectId]) -> ObjectId {
        let tree = self.loose(Kind::Tree, &tree(blobs));
        let commit = self.loose(Kind::Commit, &commit(tree));
        fs::write(self.path().join("refs/heads/main"), format!("{commit}\n")).unwrap();
        commit
    }
}

/// A tree that holds blobs as `f0`, `f1` and so on.
pub fn tree(blobs: &[ObjectId]) -> Vec<u8> {
    let mut entries: Vec<(String, &ObjectId)> =
        blobs.iter().enumerate().map(|(at, id)| (format!("f{at}.env"), id)).collect();
    entries.sort();
    entries.iter().flat_map(|(name, id)| [format!("100644 {name}\0").as_bytes(), id.as_bytes()].concat()).collect()
}

pub fn commit(tree: ObjectId) -> Vec<u8> {
    format!("tree {tree}\nauthor A <a> 1700000000 +0000\ncommitter C <c> 1700000000 +0000\n\nhostile\n").into_bytes()
}
