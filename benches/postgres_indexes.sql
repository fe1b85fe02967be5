-- What the feed asks for: its order, and each filter in that order. Made after the rows are in, which is the faster way.
CREATE INDEX activities_created_at ON activities (created_at, id);
CREATE INDEX activities_actor ON activities (actor_id, created_at);
CREATE INDEX activities_type ON activities (type, created_at);
CREATE INDEX activities_organization ON activities (organization_id, created_at);
CREATE INDEX activities_api_key ON activities (api_key_id, created_at);
CREATE INDEX activities_ip_address ON activities (ip_address, created_at);
