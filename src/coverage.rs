//! What was scanned and what was not, and why. A scan that could not look is never reported as clean.

use std::collections::BTreeMap;

/// How many examples a reason keeps: enough to act on, bounded whatever a repository holds.
const EXAMPLES: usize = 10;

/// Whether a skipped thing makes the scan incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SkipClass {
    /// Left out on purpose, by the rules or by the user.
    ByDesign,
    /// Should have been scanned and could not be.
    Incomplete,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $slug:literal, $class:ident;)*) => {
        /// Why something was not scanned. The slug is what reports write and what `--allow-incomplete` takes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum SkipReason { $($(#[$doc])* $variant,)* }

        impl SkipReason {
            /// All reasons, in the order reports list them.
            pub const ALL: &[SkipReason] = &[$(SkipReason::$variant,)*];

            /// The reason's name in reports and options.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(SkipReason::$variant => $slug,)* }
            }

            /// Whether it makes the scan incomplete.
            #[must_use]
            pub const fn class(self) -> SkipClass {
                match self { $(SkipReason::$variant => SkipClass::$class,)* }
            }
        }
    };
}

reasons! {
    /// An object that something names is not in the repository.
    MissingObject = "missing-object", Incomplete;
    /// An object of a partial clone that was never fetched.
    PromisedObject = "promised-object", Incomplete;
    /// An object or pack could not be decoded.
    CorruptObject = "corrupt-object", Incomplete;
    /// A ref that names nothing, or whose file is damaged.
    BrokenRef = "broken-ref", Incomplete;
    /// The index is damaged.
    CorruptIndex = "corrupt-index", Incomplete;
    /// The history of a shallow clone ends here.
    ShallowBoundary = "shallow-boundary", Incomplete;
    /// A file or folder could not be read (permission, input error).
    Unreadable = "unreadable", Incomplete;
    /// git, or the rules about who owns a repository, refused it.
    GitRefused = "git-refused", Incomplete;
    /// Larger than the default size limit.
    OverDefaultSize = "over-default-size", Incomplete;
    /// An archive hit a limit against bombs (depth, members, expanded bytes).
    ArchiveLimit = "archive-limit", Incomplete;
    /// An archive is damaged.
    ArchiveDamaged = "archive-damaged", Incomplete;
    /// A run of encoded text longer than the decoder's limit.
    DecodeLimit = "decode-limit", Incomplete;
    /// More matches in one blob than the limit.
    MatchLimit = "match-limit", Incomplete;
    /// Scanning this object panicked: a bug of ours, and the object counts as not scanned.
    Panic = "internal-error", Incomplete;
    /// Ctrl-C: the rest was not looked at.
    Interrupted = "interrupted", Incomplete;
    /// Larger than the limit that the user set.
    OverSizeLimit = "over-size-limit", ByDesign;
    /// Binary content that no rule can match (images, fonts, media, compressed data).
    Binary = "binary", ByDesign;
    /// An archive or a member of one is encrypted.
    Encrypted = "encrypted", ByDesign;
    /// A Git LFS pointer whose content is not here.
    LfsPointer = "lfs-pointer", ByDesign;
    /// A submodule that is not checked out.
    Submodule = "submodule", ByDesign;
    /// A symbolic link that leaves the scanned tree. One inside it, or a loop of them, hides nothing.
    Symlink = "symlink", ByDesign;
    /// A socket, pipe or device.
    SpecialFile = "special-file", ByDesign;
    /// Ignored by gitignore files and not tracked.
    Ignored = "ignored", ByDesign;
    /// Left out by path rules of the configuration.
    Excluded = "excluded", ByDesign;
}

impl SkipReason {
    /// The reason of this slug.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.slug() == slug)
    }
}

/// How often a reason occurred, with examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkipTally {
    /// How often.
    pub count: u64,
    /// The least few descriptions in sort order, so that the same scan lists the same ones whatever the threads did.
    pub examples: Vec<String>,
}

/// What was scanned and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Commits whose trees were walked.
    pub commits: u64,
    /// Unique trees walked.
    pub trees: u64,
    /// Unique blobs of the history or index scanned.
    pub blobs: u64,
    /// Files of working trees scanned.
    pub files: u64,
    /// Bytes of all that was scanned, members of archives included.
    pub bytes: u64,
    /// What was not scanned.
    pub skipped: BTreeMap<SkipReason, SkipTally>,
}

impl Coverage {
    /// Counts one skipped thing. `what` names it: a path, an object id, and in a few words what went wrong.
    pub fn skip(&mut self, reason: SkipReason, what: impl Into<String>) {
        let tally = self.skipped.entry(reason).or_default();
        tally.count += 1;
        tally.note(what.into());
    }

    /// Adds what another part of the same scan covered.
    pub fn merge(&mut self, other: Self) {
        self.commits += other.commits;
        self.trees += other.trees;
        self.blobs += other.blobs;
        self.files += other.files;
        self.bytes += other.bytes;
        for (reason, theirs) in other.skipped {
            let tally = self.skipped.entry(reason).or_default();
            tally.count += theirs.count;
            theirs.examples.into_iter().for_each(|example| tally.note(example));
        }
    }

    /// Whether everything asked for was scanned, not counting the reasons the user accepted.
    #[must_use]
    pub fn is_complete(&self, accepted: &[SkipReason]) -> bool {
        self.skipped.keys().all(|reason| reason.class() == SkipClass::ByDesign || accepted.contains(reason))
    }
}

impl SkipTally {
    fn note(&mut self, example: String) {
        if let Err(at) = self.examples.binary_search(&example)
            && at < EXAMPLES
        {
            self.examples.insert(at, example);
            self.examples.truncate(EXAMPLES);
        }
    }
}
