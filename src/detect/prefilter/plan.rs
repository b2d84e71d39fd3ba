//! What stage 1 looks up. Takes keywords, gives each an anchor and groups the anchors into buckets so that as little ordinary
//! text as possible passes.
//!
//! Anchors and buckets are chosen together: a keyword has as many anchors to choose from as places, and one whose bytes a
//! bucket knows already costs nothing. That takes a tenth of a second and more, so `build.rs`, which names this module a second
//! time, plans for the built-in keywords ([`Plans`]), and what a scan adds to them is added to that plan.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::rule::frequency::{class, surprise};

/// How many bytes stage 1 looks at.
pub const WIDTH: usize = 4;

/// Bytes that an anchor can have.
pub const LENGTHS: [usize; 2] = [WIDTH, WIDTH - 1];

/// Groups of eight buckets where a look-up takes several instructions.
pub const GROUPS: usize = 2;

/// The same where it takes one.
pub const MORE_GROUPS: usize = 8;

/// Classes of bytes, as [`class`] has them.
pub const CLASSES: usize = 64;

/// How often all keywords are placed again. More brought nothing measurable.
const ROUNDS: usize = 3;

/// What a position that passes stage 1 because of a keyword's true anchor costs beside one that passes by chance: the stages
/// behind it do not throw it out either.
const TRUE_ANCHOR: f32 = 10.0;

/// Eight buckets, one bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// For each of the four positions and each class of byte the buckets that know it there.
    pub tables: [Table; WIDTH],
    /// Buckets with an anchor of three bytes: these take every byte as the fourth, bytes over 0x7f too, which have no class.
    pub open: u8,
}

/// The buckets that know a class of byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table(#[serde(with = "bytes")] pub [u8; CLASSES]);

impl Default for Table {
    fn default() -> Self {
        Self([0; CLASSES])
    }
}

/// Arrays of more than 32 elements, which serde leaves to others.
mod bytes {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(table: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(table)
    }

    pub fn deserialize<'de, D: Deserializer<'de>, const LEN: usize>(deserializer: D) -> Result<[u8; LEN], D::Error> {
        <&[u8]>::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

/// Where a keyword's anchor lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Offset of the anchor in the keyword.
    pub offset: u16,
    /// Bytes of the anchor, one of [`LENGTHS`].
    pub len: u8,
}

/// Anchors and buckets of a list of keywords.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Of each keyword; `None` without three neighbouring ASCII bytes.
    pub places: Vec<Option<Place>>,
    /// The buckets.
    pub groups: Vec<Group>,
}

/// The plans for the built-in keywords.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plans {
    /// The keywords, sorted.
    pub keywords: Vec<String>,
    /// With [`GROUPS`] groups.
    pub few: Plan,
    /// With [`MORE_GROUPS`] groups.
    pub more: Plan,
}

impl Plans {
    /// Plans for keywords in lower case.
    #[must_use]
    #[allow(dead_code, reason = "the build makes plans, the library reads them")]
    pub fn new(mut keywords: Vec<String>) -> Self {
        keywords.sort_unstable();
        keywords.dedup();
        let plan = |groups| Plan::new(&keywords.iter().map(String::as_bytes).collect::<Vec<_>>(), groups);
        Self { few: plan(GROUPS), more: plan(MORE_GROUPS), keywords }
    }

    /// The plan for a list of keywords in lower case, from the one for the built-in keywords if that has most of them.
    pub fn plan_for(&self, keywords: &[&[u8]], groups: usize) -> Plan {
        let known: Vec<Option<usize>> = keywords
            .iter()
            .map(|keyword| self.keywords.binary_search_by(|known| known.as_bytes().cmp(keyword)).ok())
            .collect();
        let plan = if groups == GROUPS { &self.few } else { &self.more };
        let count = known.iter().flatten().count();
        // A small part of the keywords deserves buckets of its own, and many new ones do too.
        if 2 * count < self.keywords.len() || plan.groups.len() != groups {
            return Plan::new(keywords, groups);
        }
        let mut buckets = Bucket::of(&plan.groups);
        let places = known
            .iter()
            .zip(keywords)
            .map(|(known, keyword)| known.map_or_else(|| place(&mut buckets, keyword), |number| plan.places[number]))
            .collect();
        Plan { places, groups: Bucket::groups(&buckets) }
    }
}

impl Plan {
    /// A plan of its own for keywords in lower case, with `8 * groups` buckets.
    pub fn new(keywords: &[&[u8]], groups: usize) -> Self {
        let mut buckets: Vec<Bucket> = (0..8 * groups).map(|_| Bucket::default()).collect();
        let mut order: Vec<usize> = (0..keywords.len()).collect();
        // Short ones have no choice.
        order.sort_by_key(|&number| keywords[number].len());
        let choices: Vec<Vec<Choice>> = keywords.iter().map(|keyword| Choice::all(keyword)).collect();
        let mut chosen: Vec<Option<(usize, usize)>> = vec![None; keywords.len()];
        for _ in 0..ROUNDS {
            for &number in &order {
                if let Some((choice, bucket)) = chosen[number] {
                    buckets[bucket].remove(&choices[number][choice].classes);
                }
                chosen[number] = cheapest(&buckets, &choices[number]);
                if let Some((choice, bucket)) = chosen[number] {
                    buckets[bucket].add(&choices[number][choice].classes);
                }
            }
        }
        let places = chosen.iter().zip(&choices).map(|(at, choices)| at.map(|(choice, _)| choices[choice].place));
        Self { places: places.collect(), groups: Bucket::groups(&buckets) }
    }
}

/// Places one more keyword.
fn place(buckets: &mut [Bucket], keyword: &[u8]) -> Option<Place> {
    let choices = Choice::all(keyword);
    let (choice, bucket) = cheapest(buckets, &choices)?;
    buckets[bucket].add(&choices[choice].classes);
    Some(choices[choice].place)
}

/// The choice and the bucket that let the least text pass in addition.
fn cheapest(buckets: &[Bucket], choices: &[Choice]) -> Option<(usize, usize)> {
    let mut best: Option<(f32, (usize, usize))> = None;
    for (number, choice) in choices.iter().enumerate() {
        for (at, bucket) in buckets.iter().enumerate() {
            let cost = bucket.cost_of(&choice.classes) + TRUE_ANCHOR * choice.share;
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, (number, at)));
            }
        }
    }
    best.map(|(_, at)| at)
}

/// An anchor that a keyword can have.
struct Choice {
    place: Place,
    classes: [Option<usize>; WIDTH],
    /// Share of text positions at which it stands.
    share: f32,
}

impl Choice {
    /// All of the greatest length.
    fn all(keyword: &[u8]) -> Vec<Self> {
        let of = |len: usize| -> Vec<Self> {
            let windows = keyword.windows(len).enumerate().filter(|(_, window)| window.is_ascii());
            let choice = |(offset, window): (usize, &[u8])| Self {
                place: Place { offset: u16::try_from(offset).unwrap_or(u16::MAX), len: len as u8 },
                classes: std::array::from_fn(|at| window.get(at).and_then(|&byte| class(byte))),
                share: (-(surprise(window) as f32) / 8.0).exp2(),
            };
            windows.take(usize::from(u16::MAX)).map(choice).collect()
        };
        LENGTHS.into_iter().map(of).find(|choices| !choices.is_empty()).unwrap_or_default()
    }
}

/// How many anchors of a bucket have a class at a position.
#[derive(Debug)]
struct Bucket {
    counts: [[u16; CLASSES]; WIDTH],
    /// Anchors without a fourth byte.
    open: u16,
    /// Share of text bytes that each position lets through.
    passes: [f32; WIDTH],
}

impl Default for Bucket {
    fn default() -> Self {
        Self { counts: [[0; CLASSES]; WIDTH], open: 0, passes: [0.0; WIDTH] }
    }
}

impl Bucket {
    /// The buckets of groups, as if they had one anchor for whatever they know.
    fn of(groups: &[Group]) -> Vec<Self> {
        let mut buckets: Vec<Self> = (0..8 * groups.len()).map(|_| Self::default()).collect();
        for (number, bucket) in buckets.iter_mut().enumerate() {
            let (group, bit) = (&groups[number / 8], 1 << (number % 8));
            for (position, table) in group.tables.iter().enumerate() {
                for class in (0..CLASSES).filter(|&class| table.0[class] & bit != 0) {
                    bucket.counts[position][class] = 1;
                    bucket.passes[position] += share(class);
                }
            }
            bucket.open = u16::from(group.open & bit != 0);
        }
        buckets
    }

    /// Eight buckets a group.
    fn groups(buckets: &[Self]) -> Vec<Group> {
        let group = |buckets: &[Self]| {
            let mut group = Group::default();
            for (number, bucket) in buckets.iter().enumerate() {
                let bit = 1 << number;
                for (position, counts) in bucket.counts.iter().enumerate() {
                    for (class, _) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                        group.tables[position].0[class] |= bit;
                    }
                }
                group.open |= if bucket.open > 0 { bit } else { 0 };
            }
            group
        };
        buckets.chunks(8).map(group).collect()
    }

    fn add(&mut self, anchor: &[Option<usize>; WIDTH]) {
        for (position, class) in anchor.iter().enumerate() {
            match class {
                Some(class) => {
                    self.passes[position] += if self.counts[position][*class] == 0 { share(*class) } else { 0.0 };
                    self.counts[position][*class] += 1;
                }
                None => self.open += 1,
            }
        }
    }

    fn remove(&mut self, anchor: &[Option<usize>; WIDTH]) {
        for (position, class) in anchor.iter().enumerate() {
            match class {
                Some(class) => {
                    self.counts[position][*class] -= 1;
                    self.passes[position] -= if self.counts[position][*class] == 0 { share(*class) } else { 0.0 };
                }
                None => self.open -= 1,
            }
        }
    }

    /// How much more text would pass with the anchor in this bucket.
    fn cost_of(&self, anchor: &[Option<usize>; WIDTH]) -> f32 {
        let (mut before, mut after) = (1.0, 1.0);
        for (position, class) in anchor.iter().enumerate() {
            let open = position == WIDTH - 1 && self.open > 0;
            let now = if open { 1.0 } else { self.passes[position] };
            let more = class.map_or(1.0, |class| if self.counts[position][class] == 0 { share(class) } else { 0.0 });
            before *= now;
            after *= (now + more).min(1.0);
        }
        after - before
    }
}

/// Share of a class among the bytes of source text.
fn share(class: usize) -> f32 {
    static SHARES: LazyLock<[f32; CLASSES]> = LazyLock::new(|| {
        // One byte of each class: bit 5 set, bits 4 to 0 as they are, bit 6 from bit 5 of the class.
        let byte = |class: usize| ((class & 0x20) << 1 | 0x20 | (class & 0x1f)) as u8;
        std::array::from_fn(|class| (-(surprise(&[byte(class)]) as f32) / 8.0).exp2())
    });
    SHARES[class]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_four_bytes_or_three_and_ascii() {
        let plan = Plan::new(&[b"xox", "é".as_bytes(), b"the_ghp_", "ééabcé".as_bytes()], GROUPS);
        let len = |number: usize| plan.places[number].map(|place| (place.offset, place.len));
        assert_eq!((len(0), len(1), len(3)), (Some((0, 3)), None, Some((4, 3))));
        assert!(len(2).is_some_and(|(offset, len)| len == 4 && offset > 0), "`the_` is in every text");
    }

    #[test]
    fn a_plan_is_kept_as_far_as_it_goes() {
        let words =
            |from: u32, to: u32| -> Vec<String> { (from..to).map(|n| format!("word{n}-{}", n * 7919)).collect() };
        let plans = Plans::new(words(0, 200));
        let plan_for = |keywords: &[String]| {
            plans.plan_for(&keywords.iter().map(String::as_bytes).collect::<Vec<_>>(), MORE_GROUPS)
        };
        assert_eq!(plan_for(&plans.keywords), plans.more);
        let more = plan_for(&words(0, 203));
        let kept = |number: usize| plans.more.places[plans.keywords.binary_search(&words(0, 203)[number]).unwrap()];
        assert!((0..200).all(|number| more.places[number] == kept(number)));
        assert!(more.places[200..].iter().all(Option::is_some));
        let few = words(0, 10);
        assert_eq!(plan_for(&few), Plan::new(&few.iter().map(String::as_bytes).collect::<Vec<_>>(), MORE_GROUPS));
        let encoded = postcard::to_stdvec(&plans).unwrap();
        assert_eq!(postcard::from_bytes::<Plans>(&encoded).unwrap(), plans);
    }

    #[test]
    fn the_embedded_plans_are_for_the_built_in_rules() {
        let plans = super::super::builtin();
        let rules = crate::rule::RuleSet::builtin();
        let mut literals = rules.rules.iter().flat_map(|rule| rule.keywords.iter().chain(&rule.requires));
        assert!(literals.all(|literal| plans.keywords.binary_search(&literal.to_ascii_lowercase()).is_ok()));
        assert_eq!((plans.few.groups.len(), plans.more.groups.len()), (GROUPS, MORE_GROUPS));
        assert_eq!(plans.few.places.len(), plans.keywords.len());
    }

    #[test]
    fn classes_have_a_byte_each() {
        for class_number in 0..CLASSES {
            let byte = ((class_number & 0x20) << 1 | 0x20 | (class_number & 0x1f)) as u8;
            assert_eq!(class(byte), Some(class_number));
        }
    }
}
