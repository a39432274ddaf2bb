package io.ashlar.usage;

import java.util.UUID;

/** What the journal holds. */
sealed interface JournalEntry {
    UUID request();

    /** A request was admitted. */
    record Begun(UsageStart start) implements JournalEntry {
        @Override
        public UUID request() {
            return start.request();
        }
    }

    /** A running request has made this many tokens. */
    record Progress(UUID request, int completionTokens) implements JournalEntry {}

    /** A request ended; its row belongs in the ledger. */
    record Settled(UsageRecord row) implements JournalEntry {
        @Override
        public UUID request() {
            return row.start().request();
        }
    }
}
