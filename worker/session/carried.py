"""What another client's session brought along and we only hand back when it is exported."""

from worker.session.transaction import Repository


class Carried(Repository):
    """Opaque values by kind and name, as in ("app-state-sync-key", "AAAAAGx1")."""

    def get(self, kind: str, name: str) -> bytes | None:
        """Return the value."""
        row = self._transaction.execute(
            "SELECT value FROM carried WHERE kind = ? AND name = ?", (kind, name)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, kind: str, name: str, value: bytes) -> None:
        """Keep the value."""
        self._transaction.execute(
            "INSERT OR REPLACE INTO carried (kind, name, value) VALUES (?, ?, ?)",
            (kind, name, value),
        )

    def delete(self, kind: str, name: str) -> None:
        """Forget the value; harmless where there is none."""
        self._transaction.execute("DELETE FROM carried WHERE kind = ? AND name = ?", (kind, name))

    def all(self, kind: str) -> dict[str, bytes]:
        """Return every value of a kind, by name."""
        rows = self._transaction.execute(
            "SELECT name, value FROM carried WHERE kind = ? ORDER BY name", (kind,)
        )
        return dict(rows.fetchall())
