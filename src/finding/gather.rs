//! From matches at places to findings: one for each secret. Takes all sightings of a scan, gives findings in report order,
//! the same whatever the order they came in.

use std::collections::{BTreeMap, BTreeSet};

use rayon::slice::ParallelSliceMut as _;

use super::fingerprint::{Fingerprint, Identity};
use super::judge::{Judge, Verdict};
use super::{Finding, FoundSecret, Occurrence, SuppressedBy, Suppression};
use crate::blob::{ObjectId, RepoPath};
use crate::detect::Match;
use crate::provenance::{Commit, SourceKind, Timeline};
use crate::rule::shape::entropy;
use crate::rule::{Confidence, Kind, Rule, RuleSet};
use crate::span::Span;

/// A match at one place.
#[derive(Clone, Debug)]
pub struct Sighting<'m> {
    /// Index of the target.
    pub target: usize,
    /// What kind of place.
    pub source: SourceKind,
    /// The path; messages have none.
    pub path: Option<RepoPath>,
    /// The blob or tag object.
    pub object: Option<ObjectId>,
    /// The commit that brought this version.
    pub commit: Option<Commit>,
    /// Whether HEAD has this version at this path.
    pub in_head: bool,
    /// GitHub's hash of the line, in the tree.
    pub line_hash: Option<String>,
    /// The match.
    pub found: &'m Match,
}

/// Gives the life of a secret in a target's history, from the blobs that hold it.
pub type Timelines<'t> = dyn Fn(usize, &[ObjectId]) -> Option<Timeline> + 't;

/// A sighting that counts, with the rules that lost to its own.
struct Kept<'s, 'm> {
    sighting: &'s Sighting<'m>,
    suppression: Option<Suppression>,
    also: BTreeSet<&'s str>,
}

/// Joins sightings into findings. Versions of a path between its first and last in the history are counted, and listed only
/// with `all_occurrences`.
#[must_use]
pub fn gather(
    mut sightings: Vec<Sighting<'_>>,
    judge: &Judge<'_>,
    key: &[u8; 32],
    all_occurrences: bool,
    timelines: &Timelines<'_>,
) -> Vec<Finding> {
    let rules = judge.rules();
    // A secret of a file that changed a thousand times was seen a thousand times.
    sightings.par_sort_by(|a, b| place_key(a).cmp(&place_key(b)));
    sightings.dedup_by(|a, b| place_key(a) == place_key(b));
    let kept = resolve_overlaps(&sightings, judge);

    let mut groups: BTreeMap<(Kind, &[u8]), Vec<Kept<'_, '_>>> = BTreeMap::new();
    for one in kept {
        let rule = rules.get(one.sighting.found.rule);
        groups.entry((rule.kind, one.sighting.found.secret.expose())).or_default().push(one);
    }
    let build = Build { judge, rules, key, all_occurrences, timelines };
    let mut findings: Vec<Finding> =
        groups.into_iter().flat_map(|((kind, _), group)| build.findings(kind, group)).collect();
    findings.sort_by(|a, b| report_key(a).cmp(&report_key(b)));
    findings
}

/// Everything that tells two sightings apart, in a fixed order.
fn place_key<'s>(s: &'s Sighting<'_>) -> impl Ord + use<'s> {
    (s.target, s.source, s.path.as_ref(), s.object, s.commit, s.found.span, s.found.rule, s.found.decoded_from.len())
}

fn report_key(finding: &Finding) -> impl Ord + use<'_> {
    let first = finding.occurrences.first();
    (
        std::cmp::Reverse((finding.severity, finding.confidence)),
        finding.rule.as_str(),
        first.map(|place| (place.target, place.source, place.path.as_ref(), place.location, place.object)),
        finding.fingerprint,
    )
}

/// How strongly a rule claims a span: a passed checksum, then a provider before the generic rules, precedence, as
/// few decodings as possible (a plain copy is easier to see, and its span is not that of the encoded text), length,
/// confidence; the id decides the rest.
fn claim<'r>(rule: &'r Rule, found: &Match) -> impl Ord + use<'r> {
    (
        found.evidence.checksum,
        !rule.provider.is_empty(),
        rule.credential().map_or(0, |credential| credential.precedence),
        std::cmp::Reverse(found.decoded_from.len()),
        found.span.len(),
        rule.confidence,
        std::cmp::Reverse(rule.id.as_str()),
    )
}

/// Of overlapping secrets in one text the rule with the highest claim wins; the others stand in `also`.
fn resolve_overlaps<'s, 'm>(sightings: &'s [Sighting<'m>], judge: &Judge<'s>) -> Vec<Kept<'s, 'm>> {
    let rules = judge.rules();
    let same_text = |a: &Sighting<'_>, b: &Sighting<'_>| {
        (a.target, a.source, &a.path, a.object, a.commit) == (b.target, b.source, &b.path, b.object, b.commit)
    };
    let mut kept = Vec::new();
    for text in sightings.chunk_by(same_text) {
        let mut judged: Vec<Kept<'s, 'm>> = text
            .iter()
            .filter_map(|sighting| match judge.verdict(sighting) {
                Verdict::Drop => None,
                Verdict::Keep(suppression) => Some(Kept { sighting, suppression, also: BTreeSet::new() }),
            })
            .collect();
        judged.sort_by_key(|one| one.sighting.found.span);
        // Spans that touch each other through any chain form a cluster; within it the strongest claims are taken first.
        let mut rest = judged.into_iter().peekable();
        while let Some(first) = rest.next() {
            let mut end = first.sighting.found.span.end;
            let mut cluster = vec![first];
            while let Some(next) = rest.next_if(|next| next.sighting.found.span.start < end) {
                end = end.max(next.sighting.found.span.end);
                cluster.push(next);
            }
            kept.extend(winners(cluster, rules));
        }
    }
    kept
}

fn winners<'s, 'm>(mut cluster: Vec<Kept<'s, 'm>>, rules: &'s RuleSet) -> Vec<Kept<'s, 'm>> {
    if cluster.len() == 1 {
        return cluster;
    }
    let rule_of = |one: &Kept<'s, 'm>| rules.get(one.sighting.found.rule);
    cluster.sort_by(|a, b| claim(rule_of(b), b.sighting.found).cmp(&claim(rule_of(a), a.sighting.found)));
    let mut winners: Vec<Kept<'s, 'm>> = Vec::new();
    // By start, to find overlaps without comparing all with all: winners do not overlap each other within a kind.
    let mut taken: BTreeMap<(Kind, usize), (Span, usize)> = BTreeMap::new();
    for one in cluster {
        let (span, rule) = (one.sighting.found.span, rule_of(&one));
        let hit = taken
            .range(..(rule.kind, span.end))
            .next_back()
            .filter(|((kind, _), (other, _))| *kind == rule.kind && other.overlaps(span));
        if let Some((_, &(_, winner))) = hit {
            if rule_of(&winners[winner]).id != rule.id {
                winners[winner].also.insert(&rule.id);
            }
        } else {
            taken.insert((rule.kind, span.start), (span, winners.len()));
            winners.push(one);
        }
    }
    winners
}

struct Build<'b, 'r> {
    judge: &'b Judge<'r>,
    rules: &'r RuleSet,
    key: &'b [u8; 32],
    all_occurrences: bool,
    timelines: &'b Timelines<'b>,
}

impl Build<'_, '_> {
    /// The findings of all sightings of one secret: one, or one for each place if no rule takes the secret as its identity.
    fn findings(&self, kind: Kind, group: Vec<Kept<'_, '_>>) -> Vec<Finding> {
        let by_place =
            |one: &Kept<'_, '_>| self.rules.get(one.sighting.found.rule).identity == crate::rule::Identity::Place;
        if kind == Kind::Credential && !group.iter().all(by_place) {
            return vec![self.finding(&group, Vec::new())];
        }
        let mut by_name: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<Kept<'_, '_>>>> = BTreeMap::new();
        for one in group {
            by_name
                .entry(key_name(self.rules, one.sighting))
                .or_default()
                .entry(path_bytes(one.sighting))
                .or_default()
                .push(one);
        }
        by_name.into_values().flat_map(|paths| self.by_path(paths)).collect()
    }

    /// One finding for each path that still has the secret; paths that only old versions have are former names of the first
    /// of them.
    fn by_path(&self, paths: BTreeMap<Vec<u8>, Vec<Kept<'_, '_>>>) -> Vec<Finding> {
        let alive = |group: &[Kept<'_, '_>]| {
            group.iter().any(|one| one.sighting.in_head || one.sighting.source != SourceKind::History)
        };
        let latest = |group: &[Kept<'_, '_>]| group.iter().filter_map(|one| one.sighting.commit).max();
        let (mut living, mut former): (Vec<_>, Vec<_>) = paths.into_values().partition(|group| alive(group));
        if living.is_empty() {
            former.sort_by_key(|group| latest(group));
            living.extend(former.pop());
        }
        let mut previous = Vec::new();
        if let Some(first) = living.first_mut() {
            for group in former {
                previous.push(self.fingerprint(&group[0]));
                first.extend(group);
            }
        }
        let mut previous = Some(previous);
        living.iter().map(|group| self.finding(group, previous.take().unwrap_or_default())).collect()
    }

    fn fingerprint(&self, one: &Kept<'_, '_>) -> Fingerprint {
        let found = one.sighting.found;
        let rule = self.rules.get(found.rule);
        let (secret, path, name) =
            (found.secret.expose(), path_bytes(one.sighting), key_name(self.rules, one.sighting));
        let identity = match (rule.kind, rule.identity) {
            (Kind::Credential, crate::rule::Identity::Secret) => Identity::Secret(secret),
            (Kind::Credential, crate::rule::Identity::Place) => Identity::Place { path: &path, name: &name, secret },
            (Kind::Endpoint, _) => Identity::Host(secret),
            (Kind::AuthLogic, _) => Identity::Code { rule: rule.id.as_bytes(), path: &path, site: secret },
        };
        Fingerprint::new(self.key, identity)
    }

    fn finding(&self, group: &[Kept<'_, '_>], previous: Vec<Fingerprint>) -> Finding {
        let rule_of = |one: &Kept<'_, '_>| self.rules.get(one.sighting.found.rule);
        // The place whose rule claims most speaks for the finding; of equals the first, and a living one before an old one.
        let by_claim = |one: &&Kept<'_, '_>| {
            (rule_of(one).identity == crate::rule::Identity::Secret, std::cmp::Reverse(one.sighting.source))
        };
        let best = group
            .iter()
            .rev()
            .max_by(|a, b| {
                (by_claim(a), claim(rule_of(a), a.sighting.found))
                    .cmp(&(by_claim(b), claim(rule_of(b), b.sighting.found)))
            })
            .expect("a group of sightings has at least one");
        let (rule, found) = (rule_of(best), best.sighting.found);
        let fingerprint = self.fingerprint(best);

        let everywhere = group.iter().find_map(|one| {
            let here = one.sighting.source != SourceKind::History || one.sighting.in_head;
            one.suppression.clone().filter(|suppression| here && suppression.by == SuppressedBy::Inline)
        });
        let all: Vec<&Sighting<'_>> = group.iter().map(|one| one.sighting).collect();
        let everywhere = everywhere.or_else(|| self.judge.by_fingerprint(&fingerprint.to_string(), &all));
        let open: Vec<&Sighting<'_>> =
            group.iter().filter(|one| one.suppression.is_none()).map(|one| one.sighting).collect();
        let suppressed_by = everywhere.or_else(|| if open.is_empty() { group[0].suppression.clone() } else { None });
        let shown = if open.is_empty() { &all } else { &open };

        let mut also: BTreeSet<&str> = group.iter().flat_map(|one| one.also.iter().copied()).collect();
        also.extend(group.iter().map(|one| rule_of(one).id.as_str()));
        also.remove(rule.id.as_str());
        let checksum = group.iter().any(|one| one.sighting.found.evidence.checksum);
        Finding {
            fingerprint,
            previous,
            rule: rule.id.clone(),
            also: also.into_iter().map(str::to_owned).collect(),
            kind: rule.kind,
            title: rule.title.clone(),
            severity: rule.severity,
            confidence: if checksum { Confidence::High } else { rule.confidence },
            score: None,
            cwe: rule.cwe.clone(),
            secret: rule.credential().map(|_| FoundSecret {
                value: found.secret.clone(),
                entropy: entropy(found.secret.expose()),
                decoded_from: found.decoded_from.clone(),
            }),
            attributes: attributes(rule, found),
            checksum,
            structure: found.evidence.structure.clone(),
            parts: group
                .iter()
                .map(|one| &one.sighting.found.evidence.parts)
                .max_by_key(|parts| parts.len())
                .cloned()
                .unwrap_or_default(),
            occurrences: self.occurrences(shown),
            history: self.timeline(&all),
            suppressed_by,
        }
    }

    fn occurrences(&self, sightings: &[&Sighting<'_>]) -> Vec<Occurrence> {
        let mut places: Vec<Occurrence> = sightings.iter().map(|sighting| occurrence(sighting)).collect();
        let by_commit = |place: &Occurrence| (place.commit, place.object, place.location);
        let key = |place: &Occurrence| (place.source, place.target, place.path.clone());
        places.sort_by_cached_key(|place| (key(place), by_commit(place)));
        if self.all_occurrences {
            return places;
        }
        let mut shown = Vec::with_capacity(places.len());
        for versions in places.chunk_by(|a, b| key(a) == key(b)) {
            match versions {
                [first, .., last] if first.source == SourceKind::History => shown.extend([first.clone(), last.clone()]),
                _ => shown.extend_from_slice(versions),
            }
        }
        shown
    }

    fn timeline(&self, sightings: &[&Sighting<'_>]) -> Option<Timeline> {
        let mut objects: BTreeMap<usize, BTreeSet<ObjectId>> = BTreeMap::new();
        for sighting in sightings.iter().filter(|s| matches!(s.source, SourceKind::History | SourceKind::Note)) {
            objects.entry(sighting.target).or_default().extend(sighting.object);
        }
        let lives = objects
            .into_iter()
            .filter_map(|(target, objects)| (self.timelines)(target, &objects.into_iter().collect::<Vec<_>>()));
        lives.reduce(|mut all, one| {
            all.first = [all.first, one.first].into_iter().flatten().min();
            all.last = all.last.max(one.last);
            all.removed_in.extend(one.removed_in);
            all.removed_in.sort_unstable();
            all.removed_in.dedup();
            all.in_head |= one.in_head;
            all.versions += one.versions;
            all.reachable |= one.reachable;
            all.pushed |= one.pushed;
            all
        })
    }
}

fn occurrence(sighting: &Sighting<'_>) -> Occurrence {
    Occurrence {
        target: sighting.target,
        source: sighting.source,
        path: sighting.path.clone(),
        object: sighting.object,
        commit: sighting.commit,
        location: sighting.found.location,
        line_hash: sighting.line_hash.clone(),
        snippet: sighting.found.snippet.to_string(),
    }
}

/// Facts that a rule captures besides the secret and that are safe to show.
fn attributes(rule: &Rule, found: &Match) -> BTreeMap<String, String> {
    const SHOWN: &[&str] = &["host", "port", "user", "scheme", "name", "account", "region", "tenant", "method", "path"];
    let mut attributes: BTreeMap<String, String> = found
        .groups
        .iter()
        .filter(|(name, _)| SHOWN.contains(&&**name))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.expose()).into_owned()))
        .collect();
    if rule.kind == Kind::Endpoint {
        let value = String::from_utf8_lossy(found.secret.expose()).to_ascii_lowercase();
        attributes.entry("host".to_owned()).or_insert(value);
    }
    attributes
}

/// The name of the key that a low-entropy secret is assigned to, or the rule's id.
fn key_name(rules: &RuleSet, sighting: &Sighting<'_>) -> Vec<u8> {
    let named = sighting.found.groups.iter().find(|(name, _)| matches!(&**name, "name" | "key"));
    named.map_or_else(
        || rules.get(sighting.found.rule).id.as_bytes().to_vec(),
        |(_, value)| value.expose().to_ascii_lowercase(),
    )
}

fn path_bytes(sighting: &Sighting<'_>) -> Vec<u8> {
    sighting
        .path
        .as_ref()
        .map_or_else(|| format!("{:?}", sighting.source).into_bytes(), |path| path.as_bytes().to_vec())
}
