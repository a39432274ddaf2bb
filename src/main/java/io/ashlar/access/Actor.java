package io.ashlar.access;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Who does something. Services ask it before they do: {@link #require}.
 *
 * @param name a member's login, {@code admin key NAME}, {@code command line} or {@code system}
 * @param tenant where the role holds; null for a role of the platform
 * @param origin the address that the request came from; empty where it came from this process
 */
public record Actor(String name, Role role, @Nullable UUID tenant, String origin) {
    /** Ashlar itself. */
    public static final Actor SYSTEM = administrator("system", "");
    /** Whoever may read the data folder. */
    public static final Actor COMMAND_LINE = administrator("command line", "");

    public Actor {
        if (role.ofPlatform() != (tenant == null)) {
            throw new IllegalArgumentException(role.words() + " with tenant " + tenant);
        }
    }

    public static Actor administrator(String name, String origin) {
        return new Actor(name, Role.PLATFORM_ADMINISTRATOR, null, origin);
    }

    public boolean may(Permission permission) {
        return role.ofPlatform() && permission.isOf(role);
    }

    /** Whether it may in this tenant. */
    public boolean may(Permission permission, UUID itsTenant) {
        return permission.isOf(role) && (tenant == null || tenant.equals(itsTenant));
    }

    /** @throws NotPermittedException if it may not */
    public void require(Permission permission) {
        if (!may(permission)) {
            throw new NotPermittedException(role, permission);
        }
    }

    /** @throws NotPermittedException if it may not in this tenant */
    public void require(Permission permission, UUID itsTenant) {
        if (!may(permission, itsTenant)) {
            throw new NotPermittedException(role, permission);
        }
    }
}
