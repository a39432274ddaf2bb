package io.ashlar.usage;

import io.ashlar.usage.JournalEntry.Begun;
import io.ashlar.usage.JournalEntry.Progress;
import io.ashlar.usage.JournalEntry.Settled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Entries on local disk, in segments. Each segment begins with all that was running when it was opened, so a segment whose
 * settled rows are in the ledger can be deleted, whatever still runs. One thread appends; beside it one may read and one may
 * force.
 */
final class Journal implements AutoCloseable {
    private static final int READ = 1 << 20;

    /** Settled rows, and the place after them. */
    record Batch(List<UsageRecord> rows, long segment, long position) {}

    /** A request that has begun and not settled. */
    private static final class Running {
        final UsageStart start;
        int completionTokens;

        Running(UsageStart start) {
            this.start = start;
        }
    }

    private final JournalDisk disk;
    private final long segmentBytes;
    private final Map<UUID, Running> running = new LinkedHashMap<>();
    private long active;
    private volatile long end;
    private volatile long activeSegment;
    private volatile boolean dirty;
    private long readSegment;
    private long readPosition;

    /**
     * Opens the journal and settles, as interrupted, what an earlier process left running.
     *
     * @param segmentBytes a segment is closed when it is longer than this
     */
    Journal(JournalDisk disk, long segmentBytes) throws IOException {
        this.disk = disk;
        this.segmentBytes = segmentBytes;
        List<Long> old = disk.segments();
        for (long segment : old) {
            recover(segment);
        }
        readSegment = old.isEmpty() ? 1 : old.getFirst();
        List<JournalEntry> interrupted = new ArrayList<>();
        for (Running r : running.values()) {
            interrupted.add(new Settled(UsageRecord.interrupted(r.start, r.completionTokens)));
        }
        running.clear();
        active = old.isEmpty() ? 1 : old.getLast() + 1;
        activeSegment = active;
        append(interrupted);
        force();
    }

    private void recover(long segment) throws IOException {
        long at = 0;
        while (true) {
            int used = JournalCodec.decode(disk.read(segment, at, READ), this::track);
            if (used == 0) {
                return;
            }
            at += used;
        }
    }

    private void track(JournalEntry entry) {
        switch (entry) {
            case Begun(UsageStart start) -> running.putIfAbsent(start.request(), new Running(start));
            case Progress(UUID request, int tokens) -> {
                Running r = running.get(request);
                if (r != null) {
                    r.completionTokens = tokens;
                }
            }
            case Settled settled -> running.remove(settled.request());
        }
    }

    /** Writes entries. When it returns, they survive the end of the process; after {@link #force}, that of the machine. */
    void append(List<? extends JournalEntry> entries) throws IOException {
        if (entries.isEmpty()) {
            return;
        }
        ByteBuffer bytes = JournalCodec.encode(entries);
        int length = bytes.remaining();
        // At a fixed place: after a failure the next attempt writes over what was left half done.
        disk.write(active, end, bytes);
        entries.forEach(this::track);
        dirty = true;
        end += length;
        if (end > segmentBytes) {
            rotate();
        }
    }

    private void rotate() throws IOException {
        force();
        List<JournalEntry> state = new ArrayList<>();
        for (Running r : running.values()) {
            state.add(new Begun(r.start));
            state.add(new Progress(r.start.request(), r.completionTokens));
        }
        ByteBuffer bytes = JournalCodec.encode(state);
        int length = bytes.remaining();
        disk.write(active + 1, 0, bytes);
        disk.force(active + 1);
        active++;
        end = length;
        activeSegment = active;
    }

    /** Makes what was appended before survive a loss of power. May run beside appends, which do not wait for it. */
    void force() throws IOException {
        if (dirty) {
            dirty = false;
            try {
                disk.force(activeSegment);
            } catch (IOException e) {
                dirty = true;
                throw e;
            }
        }
    }

    /** Settled rows that were not yet {@link #forget forgotten}; about {@code most} of them. For one reading thread. */
    Batch read(int most) throws IOException {
        List<UsageRecord> rows = new ArrayList<>();
        long segment = readSegment;
        long position = readPosition;
        while (rows.size() < most) {
            long last = activeSegment;
            // The end of the active segment was written before anything is read up to it.
            long limit = segment == last ? end : Long.MAX_VALUE;
            int window = (int) Math.min(READ, Math.max(0, limit - position));
            int used = window == 0
                    ? 0
                    : JournalCodec.decode(disk.read(segment, position, window), entry -> {
                        if (entry instanceof Settled(UsageRecord row)) {
                            rows.add(row);
                        }
                    });
            position += used;
            if (used == 0) {
                if (segment >= last) {
                    break;
                }
                segment++;
                position = 0;
            }
        }
        return new Batch(rows, segment, position);
    }

    /** The rows of a batch are in the ledger: whole segments before its end are deleted. */
    void forget(Batch batch) throws IOException {
        for (long segment = readSegment; segment < batch.segment; segment++) {
            disk.delete(segment);
        }
        readSegment = batch.segment;
        readPosition = batch.position;
    }

    @Override
    public void close() throws IOException {
        force();
        disk.close();
    }
}
