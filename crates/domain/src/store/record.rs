//! Declarations of tables.

use std::fmt;

use super::{BadRow, Row, RowReader, Value};

/// A stored type: its table, and the mapping to a row.
pub trait Record: Sized {
    /// The table.
    const TABLE: &'static Table;

    /// The row.
    fn to_row(&self) -> Row;

    /// Reads a row.
    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow>;

    /// A row of the table, from its columns in the order of the declaration.
    ///
    /// # Panics
    ///
    /// In debug builds, if the names differ from the declaration.
    fn row<const N: usize>(columns: [(&'static str, Value); N]) -> Row {
        let table = Self::TABLE;
        let declared = table.columns.iter().map(|column| column.name);
        debug_assert!(
            columns.iter().map(|(name, _)| *name).eq(declared),
            "the row differs from the declaration of {table}"
        );
        let values = columns.into_iter().map(|(_, value)| value).collect();
        Row { table, values }
    }
}

/// A table, as its record declares it.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// The name.
    pub name: &'static str,
    /// The columns. The first is the primary key.
    pub columns: &'static [Column],
    /// The column that counts the updates of a row, if there is one: a condition of [`Write::Replace`].
    ///
    /// [`Write::Replace`]: super::Write::Replace
    pub version: Option<&'static str>,
    /// A column that only reads by key return, if there is one: its size must not affect the time of a look-up that an
    /// unauthenticated client causes.
    pub large: Option<&'static str>,
    /// Columns whose values are unique. Several rows may have NULL.
    pub unique: &'static [&'static str],
    /// The column with the id of the user that the rows belong to, if they do: they are purged with the user. It has an
    /// index or is the key.
    pub owner: Option<&'static str>,
    /// `true` if the batch that deletes the owner deletes the rows as well. A purge then finds none, and a store in which each
    /// index entry costs a write needs no index of the owner.
    pub deleted_with_owner: bool,
    /// The column with the time after which a sweep deletes the row, if there is one. It has an index.
    pub expires: Option<&'static str>,
    /// The columns of each index. Queries use only these and the primary key. If the first column is an integer, it orders
    /// the rows; of any other, a query names the value. A new index is added at the end.
    pub indexes: &'static [&'static [&'static str]],
    /// Indexes that also list the rows without a value in their first column. A store may leave such rows out of the others.
    pub null_listed: &'static [&'static [&'static str]],
    /// Values that most rows have: first columns of an index, and the value. A store may leave these rows out of the index, and
    /// find them among all rows, in the order of the key. So an index of several columns does not serve them.
    pub common: &'static [(&'static str, &'static str)],
}

impl Table {
    /// A table with this name. A declaration sets the columns, and other fields.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            columns: &[],
            version: None,
            large: None,
            unique: &[],
            owner: None,
            deleted_with_owner: false,
            expires: None,
            indexes: &[],
            null_listed: &[],
            common: &[],
        }
    }

    /// The primary key.
    pub fn key(&self) -> &'static str {
        self.columns[0].name
    }

    /// The position of a column.
    ///
    /// # Panics
    ///
    /// If the table has no such column, which is an error in the calling code.
    pub fn position(&self, column: &str) -> usize {
        let found = self.columns.iter().position(|known| known.name == column);
        found.unwrap_or_else(|| panic!("table {} has no column {column}", self.name))
    }
}

/// The name of the table.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Column {
    /// The name.
    pub name: &'static str,
    /// The kind of its values.
    pub kind: Kind,
    /// `true` if it may be NULL.
    pub nullable: bool,
}

/// The kinds of values. A store chooses a type for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 16 bytes.
    Id,
    /// 32 bytes.
    Digest,
    /// Text that is compared byte by byte, up to 1024 bytes. Only it, an id, a digest or an integer can be in an
    /// index.
    Key,
    /// Text.
    Text,
    /// A 64-bit integer. Times are microseconds since 1970.
    Int,
    /// Bytes.
    Blob,
}

impl Kind {
    /// A required column of this kind.
    pub const fn column(self, name: &'static str) -> Column {
        Column {
            name,
            kind: self,
            nullable: false,
        }
    }

    /// A column of this kind that may be NULL.
    pub const fn nullable(self, name: &'static str) -> Column {
        Column {
            nullable: true,
            ..self.column(name)
        }
    }
}
