package io.ashlar.serving;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.Permission;
import io.ashlar.engine.Timeline;
import io.ashlar.identity.Tenant;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What happened to requests of late, and why: kept for a while, for administrators; what was said only where a tenant wants
 * that. */
@Guarded
public final class RequestLog {
    private static final int MOST = 20_000;
    private static final int MOST_TRANSCRIPTS = 2_000;
    private static final Duration KEPT = Duration.ofMinutes(15);

    /**
     * A request.
     *
     * @param timeline null when it never came as far as an engine
     * @param refusal why it was refused; null when it was not
     */
    public record Entry(
            UUID id,
            String tenant,
            String model,
            String serviceClass,
            Instant arrived,
            int prompt,
            @Nullable Timeline timeline,
            @Nullable String refusal) {}

    private final Cache<UUID, Entry> entries =
            Caffeine.newBuilder().maximumSize(MOST).expireAfterWrite(KEPT).build();

    private final Cache<UUID, Transcript> transcripts = Caffeine.newBuilder()
            .maximumSize(MOST_TRANSCRIPTS)
            .expireAfterWrite(KEPT)
            .build();

    /** Keeps what is said, for the same time; only for a tenant that wants it. */
    public void keep(UUID request, Transcript transcript) {
        transcripts.put(request, transcript);
    }

    /** What was said in a request of a tenant, for those who use it; null where nothing was kept. */
    public @Nullable Transcript transcript(UUID request, Tenant tenant, Actor actor) {
        actor.require(Permission.USE_TENANT, tenant.id());
        Entry entry = find(request);
        return entry != null && entry.tenant.equals(tenant.name()) ? transcripts.getIfPresent(request) : null;
    }

    public void note(Entry entry) {
        entries.put(entry.id, entry);
    }

    /** As {@link #find(UUID)}, for those who may see the platform. */
    public @Nullable Entry find(UUID id, Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        return find(id);
    }

    /** One of a tenant; null when there is no such one of it. */
    public @Nullable Entry find(UUID id, Tenant tenant, Actor actor) {
        actor.require(Permission.SEE_TENANT, tenant.id());
        Entry entry = find(id);
        return entry != null && entry.tenant.equals(tenant.name()) ? entry : null;
    }

    /** Null when it is not known, or not any more. */
    public @Nullable Entry find(UUID id) {
        return entries.getIfPresent(id);
    }

    /** The latest first, of all tenants. */
    public List<Entry> latest(int most, Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        return latest(most);
    }

    /** The latest first, of one tenant. */
    public List<Entry> latest(Tenant tenant, int most, Actor actor) {
        actor.require(Permission.SEE_TENANT, tenant.id());
        return entries.asMap().values().stream()
                .filter(e -> e.tenant.equals(tenant.name()))
                .sorted((a, b) -> b.arrived.compareTo(a.arrived))
                .limit(most)
                .toList();
    }

    /** The latest first, for Ashlar's own work. */
    public List<Entry> latest(int most) {
        return entries.asMap().values().stream()
                .sorted((a, b) -> b.arrived.compareTo(a.arrived))
                .limit(most)
                .toList();
    }
}
