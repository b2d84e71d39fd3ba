use sekisho::source::clone::{CloneError, clone_url};

use crate::support::{commit_all, git, repository, write};

#[test]
fn makes_a_mirror_and_brings_it_up_to_date() {
    let (dir, root) = repository();
    write(&root, "a", "1");
    commit_all(&root, "first");
    git(&root, &["update-ref", "refs/pull/7/head", "HEAD"]);
    let cache = dir.path().join("cache/mirrors");
    let url = format!("file://{}", root.display());
    let mut said = Vec::new();
    let mirror = clone_url(&url, &cache, &mut |line| said.push(line.to_owned()), &|| false).unwrap();
    assert!(!said.is_empty(), "git tells its progress");
    let refs = || git(&mirror, &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(refs(), "refs/heads/main\nrefs/pull/7/head\n");

    write(&root, "a", "2");
    commit_all(&root, "second");
    git(&root, &["branch", "-m", "main", "trunk"]);
    let again = clone_url(&url, &cache, &mut |_| {}, &|| false).unwrap();
    assert_eq!(again, mirror);
    assert_eq!(refs(), "refs/heads/trunk\nrefs/pull/7/head\n");
    assert_eq!(git(&mirror, &["symbolic-ref", "HEAD"]), "refs/heads/trunk\n");
    assert_eq!(git(&mirror, &["rev-parse", "HEAD"]), git(&root, &["rev-parse", "HEAD"]));
    assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 1, "nothing unfinished is left");
}

#[test]
fn failures_say_what_git_said() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("file://{}/missing", dir.path().display());
    let error = clone_url(&url, dir.path(), &mut |_| {}, &|| false).unwrap_err();
    assert!(matches!(&error, CloneError::Git { message, .. } if message.contains("does not")), "{error}");
    let error = clone_url("ext::sh -c true", dir.path(), &mut |_| {}, &|| false).unwrap_err();
    assert!(matches!(error, CloneError::Url(_)), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn credentials_stay_out_of_the_error() {
    // Nothing listens on port 1, so that git fails without any network.
    let dir = tempfile::tempdir().unwrap();
    let error = clone_url("https://me:pass-word@127.0.0.1:1/o/r.git", dir.path(), &mut |_| {}, &|| false).unwrap_err();
    assert!(matches!(error, CloneError::Git { .. }), "{error}");
    assert!(!error.to_string().contains("pass-word"), "{error}");
    assert!(!format!("{error:?}").contains("pass-word"));
}

#[test]
fn cancelling_ends_git_and_leaves_nothing() {
    let (dir, root) = repository();
    write(&root, "a", "1");
    commit_all(&root, "first");
    let cache = dir.path().join("cache");
    let url = format!("file://{}", root.display());
    let error = clone_url(&url, &cache, &mut |_| {}, &|| true).unwrap_err();
    assert!(matches!(error, CloneError::Cancelled), "{error}");
    assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 0);
}
