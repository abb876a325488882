"""Runs the real loop against a simulated Maileon and compares it with one record at a time.

A scenario is generated from one integer, its seed. It is run twice: through the connector's own
modules (`destination_maileon.sync.assemble`) with simulated time, faults, and calls that overtake
each other; and as a sequence, each record in order in a call of its own, which is what the contract
promises. The account, the outcome of every record and the STATEs must be the same.

Most scenarios are small. Rare input comes from `widen`, addresses that move from `moves`; a few
scenarios have thousands of records. A sync that was interrupted is started again (`resuming`). A
dry run must predict which records no account could accept.

A circle is a set of contacts that are linked by shared identifiers. If the sequence refuses none of
its records because another contact has the identifier (codes 4, 5), account and outcomes must be
equal. Otherwise the refused contacts are held and tried again: `final_rows` says how they must end,
`trial` checks that none is rejected before a whole pass without an acceptance, and `server` that no
older record takes effect after a newer one. `held_model` is a small connector that shows what these
checks accept and detect.

Only in these cases the results may differ (`ambiguity` finds their circles):

- A record is recognised by an identifier that another record, which does not name it, takes from a
  contact before or after. Nothing in the input tells that the two records concern one contact, as
  where contacts are named sometimes by Maileon id and sometimes by email.
- A refused value is replaced by a later record of the same contact (with `ignore`: it is not in the
  contact's first record): "a value that a later record replaces before it was sent is never
  judged".
- A record that has been held for long is tried, and rejected, before the input ends.
- The address that a held record waits for is given up by a record that is queued behind it, through
  shared or similar identifiers. That record may not overtake, so the held one is rejected.
- An unsubscription marker that would have kept later records from a contact is refused by chance.
"""
