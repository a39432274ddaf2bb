package io.ashlar.api.admin;

import io.ashlar.access.Actor;
import java.net.InetSocketAddress;
import java.security.Principal;
import org.springframework.security.core.Authentication;
import org.springframework.web.reactive.function.server.ServerRequest;

/** Who sends a request to the admin API. */
final class AdminActors {
    private AdminActors() {}

    static Actor of(Principal principal, ServerRequest request) {
        if (principal instanceof Authentication known && known.getPrincipal() instanceof Actor actor) {
            String origin = request.remoteAddress()
                    .map(InetSocketAddress::getAddress)
                    .map(java.net.InetAddress::getHostAddress)
                    .orElse("");
            return new Actor(actor.name(), actor.role(), actor.tenant(), origin);
        }
        throw new IllegalStateException("the door let in " + principal.getName());
    }
}
