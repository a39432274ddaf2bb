package io.ashlar.serving;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.block.Quantization;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Imports that run on their own, for those who look in from time to time. The last few that ended are remembered. */
@Guarded
public final class Imports {
    private static final int REMEMBERED = 50;

    /** Where an import is. */
    public enum State {
        RUNNING,
        DONE,
        FAILED
    }

    /**
     * An import.
     *
     * @param stored blocks of it that are stored, of {@code blocks}; 0 of 0 before that is known
     * @param message why it failed; empty where it did not
     */
    public record Job(
            UUID id, String name, String path, State state, int stored, int blocks, String message, Instant begun) {
        private Job at(int nowStored, int of) {
            return new Job(id, name, path, state, nowStored, of, message, begun);
        }

        private Job ended(State how, String why) {
            return new Job(id, name, path, how, stored, blocks, why, begun);
        }
    }

    private final ModelLibrary library;
    private final Clock clock;
    private final Map<UUID, Job> jobs = new LinkedHashMap<>();

    public Imports(ModelLibrary library, Clock clock) {
        this.library = library;
        this.clock = clock;
    }

    /**
     * Begins to import a folder or file of the server's machine, and to serve it under its name.
     *
     * @param base the model that an adapter changes; null takes the one that its configuration names
     */
    public Job start(Path path, String name, @Nullable String base, Quantization quantize, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        if (!path.isAbsolute() || !Files.isReadable(path)) {
            throw new InvalidRequestException(
                    "path",
                    "'path' must be a whole path of the server's machine that Ashlar may read, not '" + path + "'.");
        }
        Job job = new Job(UUID.randomUUID(), name, path.toString(), State.RUNNING, 0, 0, "", clock.instant());
        keep(job);
        Thread.ofVirtual().name("import").start(() -> {
            try {
                library.importModel(
                        path,
                        name,
                        base,
                        quantize,
                        (stored, of) -> keep(get(job.id).at(stored, of)),
                        actor);
                keep(get(job.id).ended(State.DONE, ""));
            } catch (RuntimeException e) {
                System.getLogger(Imports.class.getName()).log(System.Logger.Level.WARNING, "an import failed", e);
                keep(get(job.id).ended(State.FAILED, String.valueOf(e.getMessage())));
            }
        });
        return job;
    }

    private synchronized void keep(Job job) {
        jobs.put(job.id, job);
        while (jobs.size() > REMEMBERED) {
            jobs.remove(jobs.keySet().iterator().next());
        }
    }

    private synchronized Job get(UUID id) {
        return Objects.requireNonNull(jobs.get(id));
    }

    /** The latest first. */
    public synchronized List<Job> all(Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        Collection<Job> known = jobs.values();
        return List.copyOf(known).reversed();
    }

    public synchronized Optional<Job> named(UUID id, Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        return Optional.ofNullable(jobs.get(id));
    }
}
