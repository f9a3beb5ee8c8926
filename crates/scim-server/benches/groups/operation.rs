//! What is done with a group.

/// What is measured, in the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Fixed,
    PatchUser,
    AddOne { minimal: bool },
    RemoveOne { minimal: bool },
    AddMany,
    RemoveMany,
    GetWithout,
    Filter,
    GetWhole,
    Put { whole: bool },
    Create { whole: bool },
    Delete,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Fixed => "a fixed body, by the bare server",
            Operation::PatchUser => "PATCH active of a user, return=minimal",
            Operation::AddOne { minimal: true } => "add one, return=minimal",
            Operation::AddOne { minimal: false } => "add one",
            Operation::RemoveOne { minimal: true } => "remove one, return=minimal",
            Operation::RemoveOne { minimal: false } => "remove one",
            Operation::AddMany => "add 1,000 in one PATCH, return=minimal",
            Operation::RemoveMany => "remove 1,000 in one PATCH, return=minimal",
            Operation::GetWithout => "GET, excludedAttributes=members",
            Operation::Filter => "filter `members eq`, excludedAttributes=members",
            Operation::GetWhole => "GET whole",
            Operation::Put { whole: true } => "PUT whole, one differs",
            Operation::Put { whole: false } => "PUT whole, one differs, excludedAttributes=members",
            Operation::Create { whole: true } => "create (POST)",
            Operation::Create { whole: false } => "create (POST), excludedAttributes=members",
            Operation::Delete => "DELETE",
        }
    }
}
