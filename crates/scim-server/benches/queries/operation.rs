//! What is asked.

/// The questions, in the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Fixed,
    UserName,
    ExternalId,
    WorkEmail,
    EmployeeNumber,
    Prefix,
    Part,
    And,
    Or,
    Not,
    Latest,
    First,
    Page,
    Cursor,
    Sorted,
    SortedCursor,
    Count,
    CountFiltered,
}

impl Operation {
    pub(crate) const ALL: [Operation; 18] = [
        Operation::Fixed,
        Operation::UserName,
        Operation::ExternalId,
        Operation::WorkEmail,
        Operation::EmployeeNumber,
        Operation::Prefix,
        Operation::Part,
        Operation::And,
        Operation::Or,
        Operation::Not,
        Operation::Latest,
        Operation::First,
        Operation::Page,
        Operation::Cursor,
        Operation::Sorted,
        Operation::SortedCursor,
        Operation::Count,
        Operation::CountFiltered,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Fixed => "a fixed body, by the bare server",
            Operation::UserName => "`userName eq`",
            Operation::ExternalId => "`externalId eq`",
            Operation::WorkEmail => "`emails[type eq \"work\" and value eq …]`",
            Operation::EmployeeNumber => "`employeeNumber eq` (enterprise)",
            Operation::Prefix => "`userName sw`, about 100 hits",
            Operation::Part => "`name.familyName co`, 4 hits",
            Operation::And => "`department eq … and active eq true and title co …`",
            Operation::Or => "`userName eq … or emails.value eq …`",
            Operation::Not => "`not (department eq …)`",
            Operation::Latest => "`meta.lastModified gt`, the last 1 %",
            Operation::First => "first page",
            Operation::Page => "page at 90 % by startIndex",
            Operation::Cursor => "page at 90 % by cursor",
            Operation::Sorted => "sortBy name.familyName, first page",
            Operation::SortedCursor => "sortBy name.familyName, page at 90 % by cursor",
            Operation::Count => "count=0",
            Operation::CountFiltered => "count=0, `department eq`",
        }
    }

    /// One user is found by a value that only this one has.
    pub(crate) fn finds_one(self) -> bool {
        matches!(
            self,
            Operation::UserName
                | Operation::ExternalId
                | Operation::WorkEmail
                | Operation::EmployeeNumber
        )
    }

    pub(crate) fn is_cursor(self) -> bool {
        matches!(self, Operation::Cursor | Operation::SortedCursor)
    }

    pub(crate) fn is_sorted(self) -> bool {
        matches!(self, Operation::Sorted | Operation::SortedCursor)
    }
}

/// Why something is not asked again.
pub(crate) enum Stop {
    /// An answer took so long, in seconds.
    Slow(f64),
    /// The server does not answer it, and says so in a word.
    Refused(String),
    /// A page came without a cursor.
    NoCursor,
}

impl Stop {
    /// What stands in the table instead of figures.
    pub(crate) fn text(&self) -> String {
        match self {
            Stop::Slow(seconds) => format!("**{seconds:.1} s**"),
            Stop::Refused(word) => format!("**{word}**"),
            Stop::NoCursor => "-".to_owned(),
        }
    }
}
