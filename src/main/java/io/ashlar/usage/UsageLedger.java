package io.ashlar.usage;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Accounts for every request exactly once. A request is noted in a journal on local disk when it begins, now and then while
 * it runs, and when it ends; another thread carries ended ones into the database, in batches, for as long as that takes.
 * After a crash, what was running is settled with the tokens last noted. Nothing here is ever waited for by the engine.
 */
public final class UsageLedger implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(UsageLedger.class.getName());
    private static final long SEGMENT_BYTES = 4L << 20;
    private static final int BATCH = 500;
    private static final Duration NOTE_PROGRESS = Duration.ofMillis(250);
    private static final long RETRY_MILLIS = 500;

    private record Waiting(JournalEntry entry, CompletableFuture<Void> written) {}

    private record Running(IntSupplier completionTokens, int[] noted) {}

    private final Journal journal;
    private final Consumer<List<UsageRecord>> store;
    private final Duration sync;
    private final ReentrantLock writing = new ReentrantLock();
    private final Queue<Waiting> refused = new ConcurrentLinkedQueue<>();
    private final Map<UUID, Running> running = new ConcurrentHashMap<>();
    private final Semaphore fresh = new Semaphore(1);
    private final Thread journalThread;
    private final Thread syncThread;
    private final Thread storeThread;
    private final CompletableFuture<Void> caughtUp = new CompletableFuture<>();
    private volatile boolean failing;
    private volatile boolean closing;
    private volatile boolean journalDone;
    private volatile boolean behind;
    private final List<Consumer<UsageRecord>> listeners = new CopyOnWriteArrayList<>();
    private volatile long settled;
    private volatile long stored;

    /**
     * @param folder of the journal
     * @param store writes rows into the ledger; harmless when repeated, throws when it could not
     * @param sync how long an entry may wait to survive a loss of power (it survives the process at once)
     */
    public UsageLedger(Path folder, Consumer<List<UsageRecord>> store, Duration sync) {
        this(open(folder), store, sync);
    }

    UsageLedger(Journal journal, Consumer<List<UsageRecord>> store, Duration sync) {
        this.journal = journal;
        this.store = store;
        this.sync = sync;
        this.journalThread = Thread.ofVirtual().name("usage-journal").start(this::keepJournal);
        this.syncThread = Thread.ofVirtual().name("usage-sync").start(this::syncJournal);
        this.storeThread = Thread.ofVirtual().name("usage-store").start(this::carry);
    }

    private static Journal open(Path folder) {
        try {
            return new Journal(new FileJournalDisk(folder), SEGMENT_BYTES);
        } catch (IOException e) {
            throw new UncheckedIOException("the usage journal in " + folder + " cannot be opened", e);
        }
    }

    /**
     * Notes that a request was admitted.
     *
     * @param completionTokens tells how many tokens it has made so far
     * @return completed when the note is written
     */
    public CompletableFuture<Void> begin(UsageStart start, IntSupplier completionTokens) {
        running.put(start.request(), new Running(completionTokens, new int[1]));
        return enter(new JournalEntry.Begun(start));
    }

    /** Notes that it ended. Once the result completes, its row will be in the ledger, whatever happens to this process. */
    public CompletableFuture<Void> settle(UsageRecord row) {
        listeners.forEach(l -> l.accept(row));
        running.remove(row.start().request());
        return enter(new JournalEntry.Settled(row));
    }

    /** Writes an entry on the caller's thread, some microseconds; only what the disk refuses waits for the retry thread. */
    private CompletableFuture<Void> enter(JournalEntry entry) {
        if (failing) {
            return later(entry);
        }
        try {
            append(List.of(entry));
        } catch (IOException e) {
            LOG.log(System.Logger.Level.ERROR, "the usage journal cannot be written; trying until it can", e);
            return later(entry);
        }
        if (entry instanceof JournalEntry.Settled) {
            fresh.release();
        }
        return CompletableFuture.completedFuture(null);
    }

    private void append(List<? extends JournalEntry> entries) throws IOException {
        writing.lock();
        try {
            journal.append(entries);
            for (JournalEntry entry : entries) {
                if (entry instanceof JournalEntry.Settled) {
                    settled++;
                }
            }
        } finally {
            writing.unlock();
        }
    }

    private CompletableFuture<Void> later(JournalEntry entry) {
        failing = true;
        CompletableFuture<Void> written = new CompletableFuture<>();
        refused.add(new Waiting(entry, written));
        return written;
    }

    /** Notes the progress of what runs, and writes what the disk refused. */
    private void keepJournal() {
        while (!closing || !refused.isEmpty()) {
            try {
                Thread.sleep(NOTE_PROGRESS);
                writeRefused();
                noteProgress();
            } catch (IOException e) {
                if (closing) {
                    LOG.log(System.Logger.Level.ERROR, refused.size() + " usage entries could not be written", e);
                    break;
                }
            } catch (InterruptedException e) {
                // Told to close: one more round for what was refused.
            }
        }
        journalDone = true;
        fresh.release();
    }

    private void writeRefused() throws IOException {
        for (Waiting waiting = refused.peek(); waiting != null; waiting = refused.peek()) {
            append(List.of(waiting.entry));
            refused.remove();
            waiting.written.complete(null);
            fresh.release();
        }
        if (failing) {
            failing = !refused.isEmpty();
        }
    }

    private void noteProgress() throws IOException {
        List<JournalEntry> notes = new ArrayList<>();
        running.forEach((request, r) -> {
            int tokens = r.completionTokens.getAsInt();
            if (tokens != r.noted[0]) {
                r.noted[0] = tokens;
                notes.add(new JournalEntry.Progress(request, tokens));
            }
        });
        append(notes);
    }

    /** On a thread of its own: a sync takes milliseconds, and answers wait for what is written, not for what is synced. */
    private void syncJournal() {
        while (!journalDone) {
            try {
                Thread.sleep(sync);
                journal.force();
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, "the usage journal could not be synced", e);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private void carry() {
        Journal.@Nullable Batch batch = null;
        while (true) {
            boolean last = journalDone;
            try {
                if (batch == null) {
                    batch = journal.read(BATCH);
                }
                if (!batch.rows().isEmpty()) {
                    store.accept(batch.rows());
                    stored += batch.rows().size();
                }
                if (behind) {
                    LOG.log(System.Logger.Level.INFO, "the usage ledger is written again");
                    behind = false;
                }
                boolean empty = batch.rows().isEmpty();
                journal.forget(batch);
                batch = null;
                if (empty) {
                    caughtUp.complete(null);
                    if (last) {
                        return;
                    }
                    fresh.acquire();
                    fresh.drainPermits();
                }
            } catch (InterruptedException e) {
                return;
            } catch (IOException | RuntimeException e) {
                if (!behind) {
                    LOG.log(
                            System.Logger.Level.WARNING,
                            "the usage ledger cannot be written; rows wait in the journal ({0})",
                            e.getMessage());
                    behind = true;
                }
                try {
                    Thread.sleep(RETRY_MILLIS);
                } catch (InterruptedException interrupted) {
                    return;
                }
            }
        }
    }

    /** Completed when the database has all rows of processes before this one. */
    public CompletableFuture<Void> caughtUp() {
        return caughtUp;
    }

    /** Told of each row when it is settled; on the settling thread, so it must not wait. */
    public void onSettled(Consumer<UsageRecord> listener) {
        listeners.add(listener);
    }

    /** Rows settled by this process. */
    public long settledRows() {
        return settled;
    }

    /** Rows carried into the database by this process, those of earlier ones included. */
    public long storedRows() {
        return stored;
    }

    /** Whether rows wait because the database cannot be written. */
    public boolean isBehind() {
        return behind;
    }

    /** Writes what is left; rows that the database does not take within ten seconds stay in the journal for the next start. */
    @Override
    public void close() {
        closing = true;
        try {
            journalThread.interrupt();
            journalThread.join();
            syncThread.interrupt();
            syncThread.join();
            if (!storeThread.join(Duration.ofSeconds(10))) {
                storeThread.interrupt();
                storeThread.join();
            }
            journal.close();
        } catch (IOException e) {
            throw new UncheckedIOException("the usage journal cannot be closed", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
