package io.ashlar.usage;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.usage.JournalEntry.Begun;
import io.ashlar.usage.JournalEntry.Progress;
import io.ashlar.usage.JournalEntry.Settled;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** The journal and its carrying into the ledger, with the process killed at every single change of the disk. */
class JournalCrashTest {
    private static final long SMALL_SEGMENT = 600;

    /** The ledger's table, which survives: a row is written once, writing it again changes nothing. */
    private final Map<UUID, UsageRecord> table = new HashMap<>();

    private final Set<UUID> begun = new HashSet<>();
    private final Set<UUID> settled = new HashSet<>();

    private static UsageStart start(int n) {
        UUID id = new UUID(7, n);
        return new UsageStart(id, id, id, id, "demo-base", n, Instant.ofEpochSecond(1_000_000 + n));
    }

    private static UsageRecord row(int n) {
        return new UsageRecord(
                start(n), 0, 10 * n, 5, n % 2 == 0 ? null : 7L, 20, "stop", UsageRecord.Status.COMPLETED);
    }

    private void carry(Journal journal, boolean crashBeforeForget) throws IOException {
        while (true) {
            Journal.Batch batch = journal.read(3);
            for (UsageRecord row : batch.rows()) {
                table.putIfAbsent(row.start().request(), row);
            }
            if (crashBeforeForget) {
                return;
            }
            journal.forget(batch);
            if (batch.rows().isEmpty()) {
                return;
            }
        }
    }

    /** A day's work: requests begin, go on and end, interleaved, while rows are carried into the table. */
    private void work(FailingDisk disk, int from) throws IOException {
        Journal journal = new Journal(disk, SMALL_SEGMENT);
        for (int n = from; n < from + 12; n++) {
            journal.append(List.of(new Begun(start(n))));
            begun.add(start(n).request());
            journal.append(List.of(new Progress(start(n).request(), n), new Progress(start(n).request(), 2 * n)));
            if (n % 3 == 0) {
                journal.force();
            }
            if (n - from >= 2) {
                journal.append(List.of(new Settled(row(n - 2))));
                settled.add(row(n - 2).start().request());
            }
            if (n % 4 == 0) {
                carry(journal, n % 8 == 0);
            }
        }
        journal.close();
    }

    @Test
    void killed_at_every_change_of_the_disk_nothing_settled_is_lost_and_nothing_is_counted_twice() throws IOException {
        FailingDisk unharmed = new FailingDisk(new TreeMap<>(), Integer.MAX_VALUE, 1);
        work(unharmed, 0);
        int changes = unharmed.calls;
        assertThat(changes).isGreaterThan(50);
        for (double part : new double[] {0, 0.3, 0.9, 1}) {
            for (int killedAt = 0; killedAt < changes; killedAt++) {
                table.clear();
                begun.clear();
                settled.clear();
                TreeMap<Long, byte[]> files = new TreeMap<>();
                try {
                    work(new FailingDisk(files, killedAt, part), 0);
                } catch (FailingDisk.Killed expected) {
                    // The process is gone; the files stay.
                }
                recoverAndCheck(files, 1, "killed at change " + killedAt + ", " + part + " written");
            }
        }
    }

    private void recoverAndCheck(TreeMap<Long, byte[]> files, int kills, String when) throws IOException {
        Journal recovered = new Journal(new FailingDisk(files, Integer.MAX_VALUE, 1), SMALL_SEGMENT);
        carry(recovered, false);
        for (UUID request : settled) {
            assertThat(table).as("%s: settled request %s", when, request).containsKey(request);
            assertThat(table.get(request).status()).as(when).isEqualTo(UsageRecord.Status.COMPLETED);
        }
        for (UUID request : begun) {
            assertThat(table).as("%s: begun request %s", when, request).containsKey(request);
        }
        // At most one entry a kill, whose write was cut, may be there although nobody was told so.
        assertThat(table.size()).as(when).isLessThanOrEqualTo(begun.size() + kills);
        for (UsageRecord row : table.values()) {
            if (row.status() == UsageRecord.Status.INTERRUPTED) {
                int n = row.start().promptTokens();
                assertThat(row.completionTokens()).as(when).isIn(0, n, 2 * n);
            }
        }
    }

    @Property(tries = 200)
    void killed_twice_and_again_during_recovery(
            @ForAll @IntRange(min = 0, max = 70) int first,
            @ForAll @IntRange(min = 0, max = 12) int second,
            @ForAll @IntRange(min = 0, max = 70) int third)
            throws IOException {
        table.clear();
        begun.clear();
        settled.clear();
        TreeMap<Long, byte[]> files = new TreeMap<>();
        int[] kills = {first, second, third};
        for (int i = 0; i < kills.length; i++) {
            try {
                work(new FailingDisk(files, kills[i], 0.5), 100 * i);
            } catch (FailingDisk.Killed expected) {
                // On to the next process.
            }
        }
        recoverAndCheck(files, 3, "killed at " + first + ", " + second + ", " + third);
    }

    @Test
    void segments_that_are_carried_are_deleted() throws IOException {
        TreeMap<Long, byte[]> files = new TreeMap<>();
        FailingDisk disk = new FailingDisk(files, Integer.MAX_VALUE, 1);
        Journal journal = new Journal(disk, SMALL_SEGMENT);
        for (int n = 0; n < 100; n++) {
            journal.append(List.of(new Begun(start(n)), new Settled(row(n))));
        }
        assertThat(files.size()).isGreaterThan(10);
        carry(journal, false);
        assertThat(files).hasSize(1);
        assertThat(table).hasSize(100);
    }

    @Test
    void a_write_that_fails_can_be_repeated() throws IOException {
        TreeMap<Long, byte[]> files = new TreeMap<>();
        FailingDisk good = new FailingDisk(files, Integer.MAX_VALUE, 1);
        List<Integer> failures = new ArrayList<>(List.of(1, 0));
        JournalDisk full = new JournalDisk() {
            @Override
            public List<Long> segments() {
                return good.segments();
            }

            @Override
            public void write(long segment, long position, java.nio.ByteBuffer bytes) throws IOException {
                if (!failures.isEmpty()) {
                    failures.removeFirst();
                    good.write(segment, position, bytes.slice(0, bytes.remaining() / 2));
                    throw new IOException("no space left on device");
                }
                good.write(segment, position, bytes);
            }

            @Override
            public void force(long segment) {
                good.force(segment);
            }

            @Override
            public java.nio.ByteBuffer read(long segment, long position, int most) {
                return good.read(segment, position, most);
            }

            @Override
            public void delete(long segment) {
                good.delete(segment);
            }

            @Override
            public void close() {
                good.close();
            }
        };
        Journal journal = new Journal(full, SMALL_SEGMENT);
        List<JournalEntry> entries = List.of(new Begun(start(1)), new Settled(row(1)));
        for (int attempt = 0; attempt < 3; attempt++) {
            try {
                journal.append(entries);
            } catch (IOException e) {
                assertThat(e).hasMessageContaining("no space");
            }
        }
        carry(journal, false);
        assertThat(table).hasSize(1);
    }
}
