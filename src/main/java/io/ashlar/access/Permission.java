package io.ashlar.access;

import static io.ashlar.access.Role.PLATFORM_ADMINISTRATOR;
import static io.ashlar.access.Role.PLATFORM_VIEWER;
import static io.ashlar.access.Role.TENANT_ADMINISTRATOR;
import static io.ashlar.access.Role.TENANT_DEVELOPER;
import static io.ashlar.access.Role.TENANT_VIEWER;

import java.util.Set;

/** What may be done, and by which roles. Those of a tenant have it in their own tenant only. */
public enum Permission {
    /** Models, deployments, devices, all tenants, the audit log, settings. */
    SEE_PLATFORM("see the platform", PLATFORM_ADMINISTRATOR, PLATFORM_VIEWER),
    CHANGE_PLATFORM("change the platform", PLATFORM_ADMINISTRATOR),
    SEE_TENANT(
            "see this tenant",
            PLATFORM_ADMINISTRATOR,
            PLATFORM_VIEWER,
            TENANT_ADMINISTRATOR,
            TENANT_DEVELOPER,
            TENANT_VIEWER),
    /** Make requests and API keys of one's own. */
    USE_TENANT("use this tenant's models", PLATFORM_ADMINISTRATOR, TENANT_ADMINISTRATOR, TENANT_DEVELOPER),
    /** Projects, everybody's keys, members, limits within those of the tenant. */
    CHANGE_TENANT("change this tenant", PLATFORM_ADMINISTRATOR, TENANT_ADMINISTRATOR);

    private final String words;
    private final Set<Role> roles;

    Permission(String words, Role... roles) {
        this.words = words;
        this.roles = Set.of(roles);
    }

    public String words() {
        return words;
    }

    public boolean isOf(Role role) {
        return roles.contains(role);
    }
}
