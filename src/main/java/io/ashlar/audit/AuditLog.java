package io.ashlar.audit;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.Permission;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.OffsetDateTime;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * Who changed what. Written in the transaction of the change, so that neither is there without the other. The database chains the
 * rows by hash; {@link #verify} computes the chain again.
 */
@Guarded
public final class AuditLog {
    // Rows of before there was a column for it say what came of them in their detail.
    private static final String SELECT = "select id, at, actor, coalesce(origin, ''), action, subject,"
            + " coalesce(before, '{}'), coalesce(after, detail) from audit_record ";
    private static final TypeReference<LinkedHashMap<String, String>> VALUES = new TypeReference<>() {};
    private static final byte[] BEGINNING = sha256("ashlar audit".getBytes(java.nio.charset.StandardCharsets.UTF_8));
    private static final String FILTER = """
            (:all or tenant_id = cast(:tenant as uuid))
            and (:actor = '' or actor = :actor)
            and (:action = '' or starts_with(action, :action))
            and (:subject = '' or position(:subject in subject) > 0)""";

    private static final int PART = 100;

    private final JdbcClient database;
    private final Clock clock;

    public AuditLog(JdbcClient database, Clock clock) {
        this.database = database;
        this.clock = clock;
    }

    /**
     * @param action what was done, such as {@code tenant.suspend}
     * @param subject what it was done to
     */
    public void record(Actor actor, String action, String subject, Change change) {
        database.sql("""
                        insert into audit_record (at, actor, action, subject, detail, origin, tenant_id, before, after)
                        values (:at, :actor, :action, :subject, '{}', :origin, :tenant, cast(:before as jsonb),
                            cast(:after as jsonb))""")
                .param("at", OffsetDateTime.now(clock))
                .param("actor", actor.name())
                .param("action", action)
                .param("subject", subject)
                .param("origin", actor.origin())
                .param("tenant", change.tenant())
                .param("before", JsonMapper.shared().writeValueAsString(change.before()))
                .param("after", JsonMapper.shared().writeValueAsString(change.after()))
                .update();
    }

    /**
     * The newest first, of what the actor may see: the whole log, or what was done to its tenant.
     *
     * @param before rows with a smaller id only; {@link Long#MAX_VALUE} for all
     */
    public List<AuditEntry> latest(Actor actor, AuditFilter filter, long before, int most) {
        return filtered(actor, "where id < :before and " + FILTER + " order by id desc limit :most", filter)
                .param("before", before)
                .param("most", most)
                .query((row, n) -> entry(row))
                .list();
    }

    /** All of them, oldest first; {@link #PART} are in memory at a time. */
    public void each(Actor actor, AuditFilter filter, Consumer<AuditEntry> to) {
        long after = 0;
        List<AuditEntry> part;
        do {
            part = filtered(actor, "where id > :after and " + FILTER + " order by id limit :most", filter)
                    .param("after", after)
                    .param("most", PART)
                    .query((row, n) -> entry(row))
                    .list();
            part.forEach(to);
            after = part.isEmpty() ? after : part.getLast().id();
        } while (part.size() == PART);
    }

    private JdbcClient.StatementSpec filtered(Actor actor, String where, AuditFilter filter) {
        UUID tenant = actor.tenant();
        if (tenant == null) {
            actor.require(Permission.SEE_PLATFORM);
        } else {
            actor.require(Permission.CHANGE_TENANT, tenant);
        }
        return database.sql(SELECT + where)
                .param("actor", filter.actor())
                .param("action", filter.action())
                .param("subject", filter.subject())
                .param("all", tenant == null)
                .param("tenant", tenant);
    }

    private static AuditEntry entry(ResultSet row) throws SQLException {
        return new AuditEntry(
                row.getLong(1),
                row.getObject(2, OffsetDateTime.class).toInstant(),
                row.getString(3),
                row.getString(4),
                row.getString(5),
                row.getString(6),
                JsonMapper.shared().readValue(row.getString(7), VALUES),
                JsonMapper.shared().readValue(row.getString(8), VALUES));
    }

    /**
     * What a look at the whole chain found.
     *
     * @param rows looked at
     * @param head the newest row's hash in hexadecimal, to be kept elsewhere and asked for later
     * @param broken the id of the first row whose hash is not what it should be; null if there is none
     * @param endMissing whether rows were cut off at the end
     * @param expectedFound whether the hash that was asked for is in the chain
     */
    public record Verification(
            long rows, String head, @Nullable Long broken, boolean endMissing, boolean expectedFound) {
        public boolean intact() {
            return broken == null && !endMissing && expectedFound;
        }
    }

    private record Link(long id, byte[] words, byte[] hash) {}

    /** @param expected a head of an earlier look, which must still be in the chain; null for none */
    public Verification verify(@Nullable String expected) {
        byte[] last = BEGINNING;
        long rows = 0;
        Long broken = null;
        boolean found = expected == null || expected.equals(HexFormat.of().formatHex(last));
        byte[] head =
                database.sql("select hash from audit_head").query(byte[].class).single();
        boolean headSeen = MessageDigest.isEqual(head, last);
        List<Link> part;
        long after = Long.MIN_VALUE;
        do {
            part = database.sql("select id, convert_to(audit_words(r), 'UTF8'), hash from audit_record r"
                            + " where id > :after order by id limit :most")
                    .param("after", after)
                    .param("most", PART)
                    .query((row, n) -> new Link(row.getLong(1), row.getBytes(2), row.getBytes(3)))
                    .list();
            for (Link link : part) {
                rows++;
                after = link.id;
                if (broken == null && !MessageDigest.isEqual(link.hash, sha256(last, link.words))) {
                    broken = link.id;
                }
                last = link.hash;
                found |= HexFormat.of().formatHex(last).equals(expected);
                // Rows that were written since the head was read come after it.
                headSeen |= MessageDigest.isEqual(head, last);
            }
        } while (part.size() == PART);
        return new Verification(rows, HexFormat.of().formatHex(last), broken, !headSeen, found);
    }

    private static byte[] sha256(byte[]... parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (byte[] part : parts) {
                digest.update(part);
            }
            return digest.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
