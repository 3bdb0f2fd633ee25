"""One file per page: each offers `blueprint`, and NAV where the header leads to it; see docs/console.md."""
