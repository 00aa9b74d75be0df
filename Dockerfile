# syntax=docker/dockerfile:1
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=""
RUN CGO_ENABLED=1 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /tourney ./cmd/tourney
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /tourney-worker ./cmd/tourney-worker
RUN mkdir -p /empty

FROM gcr.io/distroless/base-debian12:nonroot
COPY --from=build /tourney /usr/local/bin/tourney
COPY --from=build /tourney-worker /usr/local/bin/tourney-worker
# The directories belong to the user, so that volumes mounted there do as well.
COPY --from=build --chown=nonroot:nonroot /empty /data
COPY --from=build --chown=nonroot:nonroot /empty /cache
ENTRYPOINT ["tourney"]
CMD ["up"]
