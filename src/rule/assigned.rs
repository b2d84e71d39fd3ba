//! The regex behind `assigned`: a value without a format of its own, given to a name that says whose it is and what. Takes
//! the few words that differ from provider to provider, gives the whole regex, so that every such rule knows the same
//! syntaxes; must never look at text.

use super::syntax::AssignedSyntax;

/// Words that name a secret, where a rule does not say which.
pub const NOUN: &str = "key|token|secret|passw|pwd|auth|cred";

/// Between the provider's name and the noun: the rest of an identifier, or other text up to an identifier that is only
/// about credentials (`asana:\n  api_key`, `Asana(client, token`).
const BETWEEN: &str = r"(?:[\w.-]{0,30}|[\w.-]{0,20}\W(?:[^;]{0,80}?\W)?(?:(?:api|app|auth|access|client|consumer|secret|server|service|account|private|user|oauth2?|key|token)[_.-]?){0,2})";

/// Between a name and its value: quotes, brackets, operators.
const OPERATOR: &str = r#"[\s"'`\\\[\](){}<>:=,|?!/&*@-]{1,12}"#;

/// The regex of a rule that is written with `assigned`; its group `secret` is the value.
#[must_use]
pub fn regex(assigned: &AssignedSyntax) -> String {
    let to = &assigned.to.value;
    let noun = assigned.noun.as_ref().map_or(NOUN, |noun| noun.value.as_str());
    let value = &assigned.value.value;
    format!(
        r#"(?i:(?:{to}){BETWEEN}(?:{noun})|(?:{noun})[\w.-]{{0,10}}(?:{to}))[\w.-]{{0,20}}{OPERATOR}(?:(?i:value|string|str|key|default|bearer|return){OPERATOR}|[bruf]["']){{0,2}}(?<secret>{value})(?:[^\w-]|$)"#
    )
}
