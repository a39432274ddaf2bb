package io.ashlar.audit;

import java.time.Clock;
import java.time.OffsetDateTime;
import java.util.Map;
import org.springframework.jdbc.core.simple.JdbcClient;
import tools.jackson.databind.json.JsonMapper;

/** Who changed what. Written in the transaction of the change, so that neither is there without the other. */
public final class AuditLog {
    private final JdbcClient database;
    private final Clock clock;

    public AuditLog(JdbcClient database, Clock clock) {
        this.database = database;
        this.clock = clock;
    }

    /**
     * @param actor a member's login, or {@code system}
     * @param action what was done, such as {@code tenant.suspend}
     * @param subject what it was done to
     * @param detail never a secret
     */
    public void record(String actor, String action, String subject, Map<String, String> detail) {
        database.sql("""
                        insert into audit_record (at, actor, action, subject, detail)
                        values (:at, :actor, :action, :subject, cast(:detail as jsonb))""")
                .param("at", OffsetDateTime.now(clock))
                .param("actor", actor)
                .param("action", action)
                .param("subject", subject)
                .param("detail", JsonMapper.shared().writeValueAsString(detail))
                .update();
    }
}
